"""The ControlNets of one frame: each one's residuals times its scale, summed, for every evaluation of the UNet.

Pure lazy MLX, on the engine thread. A scale is a 0-d array, so that moving a fader compiles nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import mlx.core as mx

from livemusviz.diffusion.blocks import Condition
from livemusviz.diffusion.controlnet import ControlNetModel
from livemusviz.diffusion.layers import KeysValues

NetStep = Callable[[int], tuple[list[Condition], list[KeysValues]]]
"""Returns conditions and keys and values of a ControlNet, by its number, for one evaluation."""


class ControlInput(NamedTuple):
    """One ControlNet in one frame.

    scale : 0-d float32; None is off. picture : encoded control picture, (1, h, w, C). kept : residuals of an earlier
    frame, for each evaluation a list; they take the place of new ones.
    """

    scale: mx.array | None = None
    picture: mx.array | None = None
    kept: Sequence[Sequence[mx.array]] = ()


class Residuals:
    """Gives one evaluation of the UNet after the other its residuals.

    made : by network, by evaluation, its residuals at scale 1, for later frames; [] where a network is off.
    """

    def __init__(self, nets: Sequence[ControlNetModel], inputs: Sequence[ControlInput]) -> None:
        """inputs : one for each network."""
        self._nets, self._inputs = nets, [ControlInput(*each) for each in inputs]
        self.made: list[list[Sequence[mx.array]]] = [[] for _ in inputs]

    def next(self, x: mx.array, of_net: NetStep) -> list[mx.array]:
        """Return the sum for the next evaluation, in the UNet's dtype; [] where every network is off.

        x : latents as the UNet sees them, (B, h, w, c).
        """
        total: list[mx.array] = []
        for n, (net, given, made) in enumerate(zip(self._nets, self._inputs, self.made, strict=True)):
            if given.scale is None:
                continue
            picture = given.picture
            residuals = given.kept[len(made)] if picture is None else net(x, picture, *of_net(n))
            made.append(residuals)
            scaled = [residual * given.scale.astype(x.dtype) for residual in residuals]
            total = [a + b for a, b in zip(total, scaled, strict=True)] if total else scaled
        return total
