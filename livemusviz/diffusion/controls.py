"""The controls of one frame: each ControlNet's residuals times its scale, summed, for every evaluation of the UNet;
and T2I-Adapters' features likewise, once for all evaluations.

Pure lazy MLX, on the engine thread. A scale is a 0-d array, so that moving a fader compiles nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import mlx.core as mx

from livemusviz.diffusion.blocks import Condition
from livemusviz.diffusion.controlnet import ControlNetModel
from livemusviz.diffusion.layers import KeysValues
from livemusviz.diffusion.t2i_adapter import T2IAdapter

Control = ControlNetModel | T2IAdapter

NetStep = Callable[[int], tuple[list[Condition], list[KeysValues]]]
"""Returns conditions and keys and values of a ControlNet, by its number, for one evaluation."""


class ControlInput(NamedTuple):
    """One control in one frame.

    scale : 0-d float32; None is off. picture : encoded control picture, arrays (1, h, w, C): one for a ControlNet,
    features for a T2I-Adapter. kept : residuals of an earlier frame, for each evaluation a list, or once the features;
    they take the place of new ones.
    """

    scale: mx.array | None = None
    picture: Sequence[mx.array] | None = None
    kept: Sequence[Sequence[mx.array]] = ()


class Residuals:
    """Gives one evaluation of the UNet after the other its residuals.

    made : by network, by evaluation, its residuals at scale 1, for later frames; [] where a network is off. Of a
    T2I-Adapter once its features.
    features : of all T2I-Adapters, times their scales; [] where all are off.
    """

    def __init__(self, nets: Sequence[Control], inputs: Sequence[ControlInput]) -> None:
        """inputs : one for each network."""
        self._nets, self._inputs = nets, [ControlInput(*each) for each in inputs]
        self.made: list[list[Sequence[mx.array]]] = [[] for _ in inputs]
        self.features: list[mx.array] = []
        for net, given, made in zip(nets, self._inputs, self.made, strict=True):
            if isinstance(net, T2IAdapter) and given.scale is not None:
                made.append(given.kept[0] if given.picture is None else given.picture)
                self.features = _sum(self.features, _scaled(made[0], given.scale))

    def next(self, x: mx.array, of_net: NetStep) -> list[mx.array]:
        """Return the sum for the next evaluation, in the UNet's dtype; [] where every network is off.

        x : latents as the UNet sees them, (B, h, w, c).
        """
        total: list[mx.array] = []
        for n, (net, given, made) in enumerate(zip(self._nets, self._inputs, self.made, strict=True)):
            if given.scale is None or isinstance(net, T2IAdapter):
                continue
            picture = given.picture
            residuals = given.kept[len(made)] if picture is None else net(x, picture[0], *of_net(n))
            made.append(residuals)
            total = _sum(total, _scaled(residuals, given.scale))
        return total


def _scaled(arrays: Sequence[mx.array], scale: mx.array) -> list[mx.array]:
    return [array * scale.astype(array.dtype) for array in arrays]


def _sum(total: list[mx.array], more: list[mx.array]) -> list[mx.array]:
    """Return the sums of two lists; one of T2I-Adapter features may lack the middle's."""
    short, long = sorted((total, more), key=len)
    return [a + b for a, b in zip(short, long, strict=False)] + long[len(short) :]
