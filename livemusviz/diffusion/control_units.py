"""The ControlNets and T2I-Adapters of one pipeline, with their pictures and faders. Engine thread.

A picture is processed and encoded once, when a frame first needs it. A unit at scale 0, or without a picture, is off: a
frame is computed as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from livemusviz.bridge.frames import ControlLevel
from livemusviz.bridge.sources import SourcePicture
from livemusviz.diffusion.control_pictures import process
from livemusviz.diffusion.controls import Control, ControlInput
from livemusviz.diffusion.model import ModelParts
from livemusviz.diffusion.t2i_adapter import T2IAdapter

MANY = 4
"""Units of which not every one is rehearsed alone."""
Kept = Sequence[Sequence[Sequence[mx.array]]]
"""Residuals by unit and by evaluation, see `Residuals.made`."""


@dataclass(slots=True)
class ControlUnit:
    """Holds one control and its state.

    encode : encodes a picture, float32 (1, height, width, 3).
    processor : of its pictures, see control_pictures.py.
    level : scale and interval.
    constant : True if a picture's encoding is all that a frame takes, as for a T2I-Adapter.
    source : the picture to process, uint8 (height, width, 3).
    encoded : the same picture as the network takes it, see `ControlInput`.
    still : True keeps the picture that was set.
    taken : the live picture taken last.
    new : True from a new picture other than a frame of the pipeline's own until the next full frame.
    age : full frames since its residuals were computed.
    """

    encode: Callable[[mx.array], list[mx.array]]
    processor: str
    level: ControlLevel
    constant: bool = False
    source: np.ndarray | None = None
    encoded: list[mx.array] | None = None
    still: bool = False
    taken: SourcePicture | None = None
    new: bool = False
    age: int = 0

    @property
    def on(self) -> bool:
        """Return True if a frame is to be computed with it."""
        return self.level.scale != 0 and (self.source is not None or self.encoded is not None)

    def picture(self, dtype: mx.Dtype) -> list[mx.array]:
        """Return the encoded picture, made of the newest source if there is one."""
        if self.source is not None:
            processed = process(self.source, self.processor)
            self.encoded, self.source = self.encode(mx.array(processed[None]).astype(dtype)), None
        if self.encoded is None:
            raise ValueError("this control has no picture yet")
        return self.encoded


class ControlUnits:
    """All units of a pipeline, by number from 0."""

    def __init__(self, parts: ModelParts, size: tuple[int, int], compiled: bool) -> None:
        """size : (height, width) of pictures, pixels."""
        self._size, self._dtype = size, parts.dtype
        self.units = [
            ControlUnit(
                mx.compile(_encoder(net)) if compiled else _encoder(net),
                spec.processor,
                ControlLevel(spec.scale),
                isinstance(net, T2IAdapter),
            )
            for spec, net in zip(parts.spec.controls, parts.controls, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.units)

    def set_picture(self, n: int, picture: np.ndarray | None) -> None:
        """Hold the structure of a picture, from the next frame on; None follows the live picture, if there is one, or
        else the pipeline's own frames.

        picture : uint8 (height, width, 3 or 4). Raises ValueError for another shape.
        """
        unit = self.units[n]
        unit.still, unit.taken = picture is not None, None
        if picture is None:
            unit.source = unit.encoded = None
            return
        if picture.shape[:2] != self._size or picture.ndim != 3 or picture.shape[2] not in (3, 4):
            raise ValueError(f"picture has shape {picture.shape}, this pipeline takes {(*self._size, 3)}")
        unit.source, unit.new = picture[..., :3], True

    def set_pictures(self, pictures: Sequence[np.ndarray | None]) -> None:
        """Set the picture of each unit, see `set_picture`. Pictures without a unit are left out."""
        for n, picture in enumerate(pictures[: len(self.units)]):
            self.set_picture(n, picture)

    def set_levels(self, levels: Iterable[ControlLevel]) -> None:
        """Move the faders. levels : of the first units; further ones are for units that there are not."""
        for unit, level in zip(self.units, levels, strict=False):
            if level.scale != 0 and unit.level.scale == 0:
                unit.age = 0
            unit.level = level

    def take_live(self, picture: SourcePicture | None) -> None:
        """Give the live picture of this moment to the units without a picture of their own."""
        for unit in self.units:
            if not unit.still and unit.taken is not picture:
                unit.taken = picture
                if picture is not None:
                    unit.source, unit.new = picture.pixels, True

    def take_frame(self, image: np.ndarray) -> None:
        """Give a frame, uint8 (height, width, 4), to the units that have no other picture."""
        for unit in self.units:
            if not unit.still and unit.taken is None:
                unit.source = image[..., :3]

    def forget_frames(self) -> None:
        """Forget the frames that were taken, as after a cut."""
        for unit in self.units:
            unit.age = 0
            if not unit.still and unit.taken is None:
                unit.source = unit.encoded = None

    def rehearse(self) -> Iterator[None]:
        """Let a caller draw with every choice of units that are on, at most 4 choices, and with none; restore them."""
        before = [(unit.level, unit.source, unit.encoded, unit.new) for unit in self.units]
        blank = np.zeros((*self._size, 3), np.uint8)
        numbers = range(len(self.units))
        alone = [{n} for n in numbers] if 1 < len(self.units) < MANY else []
        for on in [set[int](), *alone, *([set(numbers)] if self.units else [])]:
            for n, unit in enumerate(self.units):
                unit.level, unit.age = ControlLevel(float(n in on), 2), 0
                unit.source = blank
            yield
        for unit, (unit.level, unit.source, unit.encoded, unit.new) in zip(self.units, before, strict=True):
            unit.age = 0

    def inputs(self, kept: Kept = ()) -> list[ControlInput]:
        """Return what the next full frame takes, [] where all units are off.

        kept : residuals of the last full frame, which are taken again until the unit's interval is over.
        """
        if not any(unit.on for unit in self.units):
            return []
        return [self._input(unit, kept[n] if n < len(kept) else ()) for n, unit in enumerate(self.units)]

    def kept_inputs(self, kept: Kept) -> list[ControlInput] | None:
        """Return what a frame takes that reuses the last full one's features; None if that frame would be wrong: a unit
        is on that was off then, or has a new picture."""
        if not any(unit.on for unit in self.units):
            return []
        found = []
        for n, unit in enumerate(self.units):
            if unit.on and (unit.new or n >= len(kept) or not kept[n]):
                return None
            found.append(ControlInput(_scale(unit), None, kept[n]) if unit.on else ControlInput())
        return found

    def _input(self, unit: ControlUnit, kept: Sequence[Sequence[mx.array]]) -> ControlInput:
        unit.new = False
        if not unit.on:
            unit.age = 0
            return ControlInput()
        if unit.constant and unit.encoded is not None and 0 < unit.age < unit.level.interval:
            unit.age += 1
            return ControlInput(_scale(unit), unit.encoded)
        if not unit.constant and kept and 0 < unit.age < unit.level.interval:
            unit.age += 1
            return ControlInput(_scale(unit), None, kept)
        unit.age = 1
        return ControlInput(_scale(unit), unit.picture(self._dtype))


def _encoder(net: Control) -> Callable[[mx.array], list[mx.array]]:
    """Return the function of a picture whose result the network takes in every frame, see `ControlInput`."""
    return net.encode_picture if isinstance(net, T2IAdapter) else lambda picture: [net.encode_picture(picture)]


def _scale(unit: ControlUnit) -> mx.array:
    return mx.array(unit.level.scale, dtype=mx.float32)
