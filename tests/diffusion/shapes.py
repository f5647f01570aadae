"""The shapes that a network's weights have in torch, without the weights."""

import re

import mlx.nn as nn
from mlx.utils import tree_flatten

from livemusviz.diffusion import keys


def torch_shapes(unet: nn.Module, linear: bool) -> dict[str, tuple[int, ...]]:
    """By diffusers' names. linear : the transformers' projections are matrices."""
    shapes = {}
    for name, value in tree_flatten(unet.parameters()):
        shape = tuple(value.shape)
        torch = keys.to_torch(name, keys.UNET)
        if len(shape) == 4:
            shape = (shape[0], shape[3], shape[1], shape[2])
        elif torch.endswith("conv_shortcut.weight") or (
            not linear and re.search(r"attentions\.\d+\.proj_(in|out)\.weight$", torch)
        ):
            shape = (*shape, 1, 1)
        shapes[torch] = shape
    return shapes
