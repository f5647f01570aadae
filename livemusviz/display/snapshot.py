"""The compositor's state as plain arrays, to go on from on another day. The thread that draws; OpenGL.

What is kept is found by walking the object: numbers, texts, arrays and textures wherever they lie in its attributes,
lists and dictionaries, by the path that leads to them. Programs, buffers and contexts are not state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

import moderngl
import numpy as np

PREFIX = "canvas."
_PLAIN = (bool, int, float, str, type(None))
_OURS = "livemusviz.display."


def capture(root: object) -> dict[str, np.ndarray]:
    """The state of `root` by path."""
    state: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for path, value, _ in _walk(root):
        if isinstance(value, moderngl.Texture):
            state[PREFIX + path] = np.frombuffer(value.read(), np.uint8)
        elif isinstance(value, np.ndarray):
            state[PREFIX + path] = value.copy()
        else:
            plain[path] = value
    state[PREFIX] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    return state


def restore(root: object, state: Mapping[str, np.ndarray]) -> None:
    """Bring `root`, of the same shape, to a captured state. ValueError if it is of another shape."""
    plain = json.loads(bytes(state[PREFIX]))
    for path, value, put in list(_walk(root)):
        if isinstance(value, moderngl.Texture):
            data = state.get(PREFIX + path)
            if data is None or len(data) != len(value.read()):
                raise ValueError(f"the saved state has no {path} of this size")
            value.write(data.tobytes())
        elif isinstance(value, np.ndarray):
            value[...] = state[PREFIX + path]
        elif path in plain:
            saved = plain[path]
            put(tuple(saved) if isinstance(value, tuple) else saved)


Put = Callable[[Any], None]


def _walk(thing: object, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any, Put]]:
    """(path, value, how to replace it) of everything that is state."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    for key, value, put in _members(thing):
        here = f"{path}/{key}"
        if isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(isinstance(v, _PLAIN) for v in value)):
            yield here, value, put
        elif isinstance(value, np.ndarray | moderngl.Texture):
            if id(value) not in seen:  # one texture may have several names
                seen.add(id(value))
                yield here, value, put
        elif isinstance(value, list | tuple | dict) or _is_ours(value):
            yield from _walk(value, here, seen)


def _members(thing: Any) -> Iterator[tuple[str, Any, Put]]:
    if isinstance(thing, dict):
        for key, value in list(thing.items()):
            yield str(key), value, partial(thing.__setitem__, key)
    elif isinstance(thing, list | tuple):
        for i, value in enumerate(thing):
            yield str(i), value, partial(thing.__setitem__, i) if isinstance(thing, list) else _fixed
    else:
        names = list(getattr(thing, "__dict__", {})) or list(getattr(type(thing), "__slots__", ()))
        for name in names:
            yield name, getattr(thing, name), partial(object.__setattr__, thing, name)


def _fixed(value: Any) -> None:
    """A tuple's own members stay; what lies in them may change."""


def _is_ours(value: object) -> bool:
    """Whether it is an object of this room, and not a function, a program or a generator of random numbers."""
    return type(value).__module__.startswith(_OURS) and not callable(value) and not isinstance(value, Random)
