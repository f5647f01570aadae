"""The compositor's state as plain arrays, to go on from on another day. The thread that draws; OpenGL.

What is kept is found by walking the object: numbers, texts, arrays and textures wherever they lie in its attributes,
lists and dictionaries, by the path that leads to them, and which names mean the same object. Programs, buffers and
contexts are not state.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import moderngl
import numpy as np

PREFIX = "canvas."
_ALIAS = "alias "
_PLAIN = (bool, int, float, str, type(None))
_OURS = "livemusviz.display."

Put = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class _Found:
    """path : where.  value : what.  put : replaces it.  same : where it was met before, or ""."""

    path: str
    value: Any
    put: Put
    same: str = ""


def capture(root: object) -> dict[str, np.ndarray]:
    """The state of `root` by path."""
    state: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for found in _walk(root):
        if found.same:
            plain[_ALIAS + found.path] = found.same
        elif isinstance(found.value, moderngl.Texture):
            state[PREFIX + found.path] = np.frombuffer(found.value.read(), np.uint8)
        elif isinstance(found.value, np.ndarray):
            state[PREFIX + found.path] = found.value.copy()
        elif _is_plain(found.value):
            plain[found.path] = found.value if isinstance(found.value, _PLAIN) else list(found.value)
    state[PREFIX] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    return state


def restore(root: object, state: Mapping[str, np.ndarray]) -> None:
    """Bring `root` to a captured state. It must have been used as the captured one was, so that what is made on demand
    is there. ValueError if something of it has another size.
    """
    plain = json.loads(bytes(state[PREFIX]))
    walked = list(_walk(root))
    objects = {found.path: found.value for found in walked if not found.same}
    for found in walked:
        same = plain.get(_ALIAS + found.path)
        if same in objects:
            found.put(objects[same])
        elif not found.same:
            _restore_one(found, plain, state)


def _restore_one(found: _Found, plain: Mapping[str, Any], state: Mapping[str, np.ndarray]) -> None:
    value, data = found.value, state.get(PREFIX + found.path)
    if isinstance(value, moderngl.Texture) and data is not None:
        if len(data) != len(value.read()):
            raise ValueError(f"the saved state has no {found.path} of this size")
        value.write(data.tobytes())
    elif isinstance(value, np.ndarray) and data is not None:
        if value.shape != data.shape:
            raise ValueError(f"the saved state has no {found.path} of this size")
        value[...] = data
    elif _is_plain(value) and found.path in plain:
        saved = plain[found.path]
        if isinstance(value, list | deque | set):
            value.clear()
            value.update(saved) if isinstance(value, set) else value.extend(saved)
        else:
            found.put(tuple(saved) if isinstance(value, tuple) else saved)


def _walk(thing: object, path: str = "", seen: dict[int, str] | None = None) -> Iterator[_Found]:
    """Everything that is state, objects before what is in them; an object that is met again only as such."""
    seen = {id(thing): ""} if seen is None else seen
    for key, value, put in _members(thing):
        here = f"{path}/{key}"
        if _is_plain(value):
            yield _Found(here, value, put)
        elif isinstance(value, np.ndarray | moderngl.Texture | list | tuple | dict) or _is_ours(value):
            if id(value) in seen:
                yield _Found(here, value, put, seen[id(value)])
                continue
            seen[id(value)] = here
            yield _Found(here, value, put)
            if not isinstance(value, np.ndarray | moderngl.Texture):
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


def _is_plain(value: Any) -> bool:
    collection = isinstance(value, tuple | list | deque | set) and all(isinstance(each, _PLAIN) for each in value)
    return isinstance(value, _PLAIN) or collection


def _is_ours(value: object) -> bool:
    """Return True for an object of this room that is not a function."""
    return type(value).__module__.startswith(_OURS) and not callable(value)
