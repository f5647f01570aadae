"""Saves and restores what the next canvas depends on, as plain arrays. Runs on the thread that draws; OpenGL.

A class with such state has one method, `exchange`, which serves both ways:

    def exchange(self, state: State) -> None:
        self._share = state.value("share", self._share)
        state.layer("picture", self._layer)
        state.part("clock", self._clock)

While saving, `value` returns what it is given; while restoring, what was saved. Programs and contexts are not state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from livemusviz.display.layers import Buffers, Layer  # OpenGL, which the pure parts do without

PREFIX = "canvas."
VALUES = PREFIX + "values"  # the key of all numbers and texts, as JSON

T = TypeVar("T")


class Pixels(Protocol):
    """Is a texture, as far as state goes."""

    def read(self) -> bytes: ...
    def write(self, data: bytes) -> None: ...


class Stateful(Protocol):
    """Has state."""

    def exchange(self, state: State) -> None:
        """Give `state` everything that is to be kept, and take it from there."""


class State:
    """Collects state, or gives saved state back. Names are paths: those within a part follow the part's own."""

    def __init__(self, saved: Mapping[str, np.ndarray] | None = None) -> None:
        """saved : to be restored; None collects."""
        self._saved = saved
        self._values: dict[str, Any] = {} if saved is None else json.loads(bytes(saved[VALUES]))
        self._arrays: dict[str, np.ndarray] = {}
        self._path = ""

    def collected(self) -> dict[str, np.ndarray]:
        """Return everything that was collected."""
        return {**self._arrays, VALUES: np.frombuffer(json.dumps(self._values).encode(), np.uint8)}

    def part(self, name: str, part: Stateful) -> None:
        """Exchange the state of a part."""
        before, self._path = self._path, f"{self._path}{name}/"
        part.exchange(self)
        self._path = before

    def value(self, name: str, value: T) -> T:
        """Exchange a number, a text, None, or a list of those."""
        if self._saved is None:
            self._values[self._path + name] = value
            return value
        return self._values.get(self._path + name, value)

    def array(self, name: str, array: np.ndarray) -> np.ndarray:
        """Exchange an array. ValueError if the saved one has another shape."""
        key = PREFIX + self._path + name
        if self._saved is None:
            self._arrays[key] = array.copy()
            return array
        saved = self._saved.get(key)
        if saved is None or saved.shape != array.shape:
            raise ValueError(f"the saved state has no {self._path}{name} of this size")
        return saved

    def optional_array(self, name: str, array: np.ndarray | None) -> np.ndarray | None:
        """Exchange an array of any shape, or None."""
        key = PREFIX + self._path + name
        if self._saved is not None:
            return self._saved.get(key)
        if array is not None:
            self._arrays[key] = array.copy()
        return array

    def texture(self, name: str, texture: Pixels) -> None:
        """Exchange the pixels of a texture. ValueError if the saved one has another size."""
        pixels = self.array(name, np.frombuffer(texture.read(), np.uint8))
        if self._saved is not None:
            texture.write(pixels.tobytes())

    def layer(self, name: str, layer: Layer) -> None:
        """Exchange the pixels of a layer."""
        self.texture(name, layer.texture)

    def buffers(self, name: str, buffers: Buffers) -> None:
        """Exchange the buffers of a shader."""
        for key, buffer in sorted(buffers.items()):
            self.layer(f"{name}.{key}.front", buffer.front)
            self.layer(f"{name}.{key}.back", buffer.back)

    def choice(self, name: str, chosen: Layer, among: Sequence[Layer]) -> Layer:
        """Exchange which of some layers is meant. One that is not among them is kept."""
        number = next((i for i, layer in enumerate(among) if layer is chosen), -1)
        number = self.value(name, number)
        return among[number] if 0 <= number < len(among) else chosen


def capture(root: Stateful) -> dict[str, np.ndarray]:
    """Return the state of `root` by path."""
    state = State()
    root.exchange(state)
    return state.collected()


def restore(root: Stateful, saved: Mapping[str, np.ndarray]) -> None:
    """Bring `root` to a captured state. It must have been used as the captured one was, so that what is made on demand
    is there. ValueError if something of it has another size."""
    root.exchange(State(saved))
