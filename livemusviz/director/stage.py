"""Decides which shaders stand between the generated picture and the canvas, and the values of their inputs.

Pure. A preset names a transition, an idle scene and a chain of filters, and sets or drives their inputs; the performer
sets inputs over that; the sound moves what is driven. Once a display frame `step` turns all of it into a `Scene`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.view import Effect, Scene
from livemusviz.director.mapping import BeatClock, Drive, Driver, parse_drive
from livemusviz.errors import UserError, suggest
from livemusviz.isf.header import IMAGE_TYPES, Header, Input, Number
from livemusviz.params.param import Param, Value
from livemusviz.params.performance import Do
from livemusviz.params.registry import BY_ADDRESS, BY_NAME

MAX_CHAIN = 12
IDLE, TRANSITION, CHAIN = "silk", "crossfade", ("feedback",)
Setting = Number | Drive


@dataclass(frozen=True, slots=True)
class Look:
    """Holds a preset's part of the stage.

    chain, transition, idle : shaders by name; None keeps the present ones.
    inputs : values of shaders' inputs, by shader and input.
    params : drives of engine parameters, by name.
    """

    chain: tuple[str, ...] | None = None
    transition: str | None = None
    idle: str | None = None
    inputs: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    params: Mapping[str, Drive] = field(default_factory=dict)


class Stage:
    """Holds the look, the performer's changes to it, and everything that moves. One thread."""

    def __init__(self, shaders: Mapping[str, Header]) -> None:
        """shaders : every shader that there is, by name."""
        self.shaders = shaders
        self.chain: tuple[str, ...] = tuple(name for name in CHAIN if name in shaders)
        self.transition, self.idle = TRANSITION, IDLE
        self._look = Look()
        self.base: dict[tuple[str, str], Number] = {}  # in the place of the shaders' own defaults
        self._own: dict[tuple[str, str], Number] = {}  # set by the performer
        self._drivers: dict[tuple[str, str], Driver] = {}
        self._params: dict[str, Driver] = {}
        self._high: set[tuple[str, str]] = set()  # events whose drive is up
        self._clock = BeatClock()
        self._build()

    def load(self, look: Look) -> None:
        """Take over a preset's look and drop the inputs that the performer had set. Nothing changes on a UserError."""
        check_look("preset", look, self.shaders)
        self._look = look
        self.chain = CHAIN if look.chain is None else look.chain
        self.transition, self.idle = look.transition or TRANSITION, look.idle or IDLE
        self._own.clear()
        self._build()

    def set_input(self, shader: str, name: str, value: object) -> None:
        """Set one input for the performer, over preset and drive. UserError if there is none or it is out of range."""
        shader = self._exact(shader)
        found = find_shader_input(shader, name, self.shaders)
        self._own[shader, found.name] = check_value(f"fx/{shader}/{found.name}", found, value)

    def _exact(self, shader: str) -> str:
        """Return a shader's name as its file has it, from one in small letters, as addresses are."""
        return next((each for each in self.shaders if each.lower() == shader.lower()), shader)

    def fixed_value(self, shader: str, name: str) -> Value:
        """Return an input's value while nothing drives it: the performer's, the preset's, or the shader's own."""
        shader = self._exact(shader)
        found = find_shader_input(shader, name, self.shaders)
        setting = self._look.inputs.get(shader, {}).get(found.name, self.base.get((shader, found.name), found.default))
        value = self._own.get((shader, found.name), found.default if isinstance(setting, Drive) else setting)
        return None if isinstance(value, tuple) else value

    def step(self, dt: float, features: AudioFeatures) -> tuple[Scene, dict[str, float]]:
        """Return the scene `dt` s later, and the engine parameters that are driven, by name."""
        beats = self._clock.step(dt, features)
        driven = {key: driver.step(dt, features, beats) for key, driver in self._drivers.items()}
        driven |= {key: self._strikes(key, value) for key, value in driven.items() if self._is_event(key)}
        scene = Scene(
            chain=tuple(self._effect(name, driven) for name in self.chain),
            transition=self._effect(self.transition, driven),
            idle=self._effect(self.idle, driven),
        )
        self._own = {key: value for key, value in self._own.items() if not self._is_event(key)}
        return scene, {name: driver.step(dt, features, beats) for name, driver in self._params.items()}

    def _is_event(self, key: tuple[str, str]) -> bool:
        found = self.shaders[key[0]].input(key[1])
        return found is not None and found.type == "event"

    def _strikes(self, key: tuple[str, str], value: float) -> float:
        """Return an event that is on for one frame: when its drive rises past the middle."""
        high = value >= 0.5
        struck = high and key not in self._high
        (self._high.add if high else self._high.discard)(key)
        return float(struck)

    def _effect(self, shader: str, driven: Mapping[tuple[str, str], float]) -> Effect:
        preset = self._look.inputs.get(shader, {})
        values: list[tuple[str, Number]] = []
        for each in self.shaders[shader].inputs:
            if each.type not in IMAGE_TYPES:
                key = (shader, each.name)
                fixed = preset.get(each.name, self.base.get(key, each.default))
                rest = each.default if isinstance(fixed, Drive) else fixed
                values.append((each.name, self._own.get(key, driven.get(key, rest))))
        return Effect(shader, tuple(values))

    @property
    def own_inputs(self) -> dict[str, dict[str, Number]]:
        """Return the inputs that the performer has set, by shader and input."""
        inputs: dict[str, dict[str, Number]] = {}
        for (shader, name), value in self._own.items():
            inputs.setdefault(shader, {})[name] = value
        return inputs

    def _build(self) -> None:
        """Make a driver for everything that is driven; those that go on as they were keep their state."""
        old, self._drivers = self._drivers, {}
        for shader in dict.fromkeys((*self.chain, self.transition, self.idle)):
            preset = self._look.inputs.get(shader, {})
            for each in self.shaders[shader].inputs:
                setting = preset.get(each.name)
                drive = setting if isinstance(setting, Drive) else _own_drive(shader, each) if setting is None else None
                if drive is not None:
                    key = (shader, each.name)
                    kept = old.get(key)
                    self._drivers[key] = kept if kept is not None and kept.drive == drive else Driver(drive)
        self._params = {name: Driver(drive) for name, drive in self._look.params.items()}


def _own_drive(shader: str, each: Input) -> Drive | None:
    """Return the drive that the shader's own header gives an input."""
    return None if each.drive is None else parse_input_drive(f"{shader}: input '{each.name}': DRIVE", each, each.drive)


def check_drives(header: Header) -> None:
    """UserError if a drive that a shader gives one of its own inputs cannot be used."""
    for each in header.inputs:
        _own_drive("header", each)


def parse_input_drive(where: str, each: Input, raw: Mapping[str, object]) -> Drive:
    """Return a drive for the input `each`. UserError if it is of a type that no single number moves."""
    if isinstance(each.minimum, tuple) or isinstance(each.maximum, tuple) or each.type in IMAGE_TYPES:
        raise UserError(f"{where}: a {each.type} cannot be driven")
    return parse_drive(where, raw, float(each.minimum), float(each.maximum))


def parse_param_drive(where: str, name: str, raw: Mapping[str, object]) -> Drive:
    """Return a drive for the engine parameter `name`. UserError if there is none, or it is not a number for presets."""
    param = BY_NAME.get(name)
    if param is None:
        raise UserError(f"{where}: no parameter '{name[:40]}'; {suggest(name, BY_NAME)}")
    if param.kind != "float" or not param.preset:
        raise UserError(f"{where}: {name} cannot be driven")
    return parse_drive(where, raw, param.minimum, param.maximum)


def check_look(where: str, look: Look, shaders: Mapping[str, Header]) -> None:
    """UserError if a shader of `look` is not among `shaders` or is of the wrong kind for its place."""
    if look.chain is not None and (len(look.chain) > MAX_CHAIN or len(set(look.chain)) != len(look.chain)):
        raise UserError(f"{where}: chain: at most {MAX_CHAIN} shaders, each of them once")
    places = [(name, "filter", "chain") for name in look.chain or ()]
    places += [(name, "transition", "transition") for name in [look.transition] if name is not None]
    places += [(name, "generator", "idle") for name in [look.idle] if name is not None]
    for name, kind, key in places:
        if name not in shaders:
            fitting = [each for each, header in shaders.items() if header.kind == kind]
            raise UserError(f"{where}: {key}: no shader '{name[:40]}'; {suggest(name, fitting)}")
        if shaders[name].kind != kind and not (key == "idle" and shaders[name].stands_alone):
            raise UserError(f"{where}: {key}: '{name}' is a {shaders[name].kind}, not a {kind}")


def check_value(where: str, each: Input, value: object) -> Number:
    """Return `value` as the input's type. UserError if it is of another type or out of range."""
    if isinstance(each.default, tuple):
        width = len(each.default)
        if not isinstance(value, list | tuple) or len(value) != width:
            raise UserError(f"{where}: give {width} numbers")
        return tuple(_within(where, each_value, -1e6, 1e6) for each_value in value)
    if each.type in ("bool", "event"):
        if value not in (0, 1, True, False):
            raise UserError(f"{where}: {str(value)[:40]!r} is not 0 or 1")
        return bool(value)
    low, high = each.minimum, each.maximum
    assert not isinstance(low, tuple) and not isinstance(high, tuple)  # noqa: S101
    number = _within(where, value, float(low), float(high))
    if each.type == "long":
        if each.values and number not in each.values:
            raise UserError(f"{where}: {number:g} is none of {', '.join(map(str, each.values))}")
        return int(number)
    return number


def fx_params(shaders: Mapping[str, Header]) -> tuple[Param, ...]:
    """Return every single-number input as a parameter for the registry: name `fx/<shader>/<input>`, address the same
    behind a slash, both in small letters as addresses are. Left out are those that the registry has by itself, and the
    second of two that differ in capitals alone."""
    params: dict[str, Param] = {}
    for shader, header in shaders.items():
        for each in header.inputs:
            if each.type in IMAGE_TYPES or isinstance(each.default, tuple) or not _addressable(shader, each.name):
                continue
            path = f"{shader}/{each.name}".lower()
            if f"/fx/{path}" in BY_ADDRESS or path in params:
                continue
            low, high = float(each.minimum), float(each.maximum)  # type: ignore[arg-type]
            kind = {"bool": "bool", "event": "action", "long": "int", "float": "float"}[each.type]
            default = {"bool": bool(each.default), "action": None}.get(kind, each.default)
            low, high = (0.0, 0.0) if kind == "action" else (low, high)
            doc = header.description.split(".")[0] or f"{shader}: {each.name}"
            do = _setter(shader.lower(), each.name.lower(), event=kind == "action")
            param = Param(f"fx/{path}", kind, default, low, high, "", doc, f"/fx/{path}", preset=False, do=do)  # type: ignore[arg-type]
            params[path] = param
    return tuple(params.values())


def _setter(shader: str, name: str, event: bool) -> Do:
    """Return what sets an input by hand; an event is set to True whatever the value."""
    return lambda show, value, _: show.set_input(shader, name, True if event else value)


def _addressable(shader: str, name: str) -> bool:
    """Return True if an OSC address may name it. Public files have blanks and + in their names."""
    return all(c.isascii() and (c.isalnum() or c in "_-.+ ") for c in shader + name)


def find_shader_input(shader: str, name: str, shaders: Mapping[str, Header]) -> Input:
    """Return the input of that name, in whatever case. UserError that names the nearest one if there is none."""
    if shader not in shaders:
        raise UserError(f"fx: no shader '{shader[:40]}'; {suggest(shader, shaders)}")
    inputs = [each for each in shaders[shader].inputs if each.type not in IMAGE_TYPES]
    found = next((each for each in inputs if each.name.lower() == name.lower()), None)
    if found is None:
        raise UserError(f"fx/{shader}: no input '{name[:40]}'; {suggest(name, [each.name for each in inputs])}")
    return found


def _within(where: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{where}: {str(value)[:40]!r} is not a number")
    if not low <= value <= high:
        raise UserError(f"{where}: {value:g} is outside {low:g}..{high:g}")
    return float(value)
