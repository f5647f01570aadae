"""Maps MIDI controls to parameters. Pure but for `load_map` and `save`.

In: channel messages as (kind, channel, number, value 0..127). Out: `ControlEvent`s that the registry has checked.
Each binding is one of: "fader" follows the control, "toggle" flips a switch at each press, "momentary" is on while
pressed, "trigger" does an action at a press, "relative" and "relative64" are endless encoders. A fader takes effect
only after it has passed the parameter's value (soft takeover), so that nothing jumps after a preset has changed it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from livemusviz.bridge.control import ControlEvent
from livemusviz.documents import read_toml
from livemusviz.errors import UserError, suggest
from livemusviz.folders import user_folder
from livemusviz.params.param import Param
from livemusviz.params.registry import REGISTRY, Registry
from livemusviz.regular import read_regular

MAX_BYTES = 64 * 1024
MAX_BINDINGS = 512
VERSION = 1
MODES = ("fader", "toggle", "momentary", "trigger", "relative", "relative64")
TURNED = ("relative", "relative64")
TURNS = 127  # steps of an encoder from one end of a number's range to the other
NEAR = 4.0 / 127.0  # of the range; a fader this near the value takes over
MEMORY = 64  # settings of a fader that are remembered, ...
LAG = 0.25  # s ... and for how long
PRESSED = 64  # value from which a control counts as pressed


@dataclass(frozen=True, slots=True)
class Key:
    """Names a control on a surface. message : "cc" or "note".  channel : 1..16.  number : 0..127."""

    message: str
    channel: int
    number: int


@dataclass(frozen=True, slots=True)
class Binding:
    """Binds a control to a parameter.

    key : the control.
    address : OSC address of the parameter.
    minimum, maximum : values at both ends of the control.
    mode : one of `MODES`.
    """

    key: Key
    address: str
    minimum: float
    maximum: float
    mode: str


def bind_control(key: Key, wish: str, registry: Registry = REGISTRY) -> Binding:
    """Return the binding that `wish` asks for: "/gain", "/gain 0 2", "/freeze momentary". UserError if it makes no
    sense."""
    words = wish.split()
    param = registry.by_address.get(words[0]) if words else None
    if param is None:
        raise UserError(f"learn: no address '{wish[:64]}'; {suggest(wish, registry.by_address)}")
    modes = _modes(param)
    if not modes:
        raise UserError(f"learn: {param.address} takes {param.kind}, which no MIDI control can give")
    numbers = [word for word in words[1:] if word not in MODES]
    mode = next((word for word in words[1:] if word in MODES), modes[0])
    if mode not in modes:
        raise UserError(f"learn: {param.address} cannot be a {mode}; it can be {' or '.join(modes)}")
    if len(numbers) not in (0, 2):
        raise UserError("learn: give an address, or an address with minimum and maximum")
    try:
        low, high = (float(word) for word in numbers) if numbers else (param.minimum, param.maximum)
    except ValueError:
        raise UserError(f"learn: '{' '.join(numbers)[:40]}' are not two numbers") from None
    if param.number:
        for end in (low, high):
            param.validate(end if param.kind == "float" or not math.isfinite(end) else round(end))
    return Binding(key, param.address, low, high, mode)


def _modes(param: Param) -> tuple[str, ...]:
    if param.kind == "action":
        return ("trigger",)
    if param.kind == "bool":
        return ("toggle", "momentary", "fader")
    return ("fader", *TURNED) if param.number or param.kind == "choice" else ()


def centred(binding: Binding, value: int) -> Binding:
    """Return `binding` with the coding of an encoder whose first message is `value`: values about 64 rest there."""
    return replace(binding, mode="relative64") if binding.mode == "relative" and 32 <= value < 96 else binding


def turn(mode: str, value: int) -> int:
    """Return the steps of an encoder's `value` (0..127), positive to the right.

    "relative64" : 65 is one to the right, 63 one to the left.  "relative" : 1 is one to the right; 127 (two's
    complement) and 65 (sign and size) are one to the left. More than 31 steps in one message are not expected.
    """
    if mode == "relative64":
        return value - 64
    if value < 64:
        return value
    return value - 128 if value >= 96 else 64 - value


@dataclass(frozen=True, slots=True)
class _Moment:
    """raw : 0..127, the message's value.  struck : it was pressed just now.  value : the parameter's.  time : s."""

    raw: int
    pressed: bool
    struck: bool
    value: object
    time: float

    @property
    def at(self) -> float:
        """Return the position of a fader, 0..1."""
        return self.raw / 127.0


class MidiMap:
    """Holds all bindings and the position of each fader. One control may move several parameters."""

    def __init__(self, bindings: tuple[Binding, ...] = (), registry: Registry = REGISTRY) -> None:
        self.bindings = bindings
        self._registry = registry
        self._held: dict[Binding, deque[tuple[float, float]]] = {}  # (s, fraction) that a fader set its parameter to
        self._seen: dict[Binding, float] = {}  # fraction at which a fader was last seen
        self._pressed: set[Key] = set()
        self._turned: dict[Binding, tuple[float, float]] = {}  # what an encoder has turned its parameter to, and when
        self.turned = frozenset(binding.key for binding in bindings if binding.mode in TURNED)  # encoders

    def with_binding(self, binding: Binding) -> MidiMap:
        """Return a map in which `binding` replaces what its control and its parameter had. UserError if it is full."""
        kept = tuple(old for old in self.bindings if old.key != binding.key and old.address != binding.address)
        if len(kept) >= MAX_BINDINGS:
            raise UserError(f"learn: {MAX_BINDINGS} MIDI bindings are enough; forget some first")
        return MidiMap((*kept, binding), self._registry)

    def without(self, address: str) -> MidiMap:
        """Return a map in which nothing moves `address`."""
        return MidiMap(tuple(old for old in self.bindings if old.address != address), self._registry)

    def events(self, key: Key, value: int, values: Mapping[str, object], time: float) -> list[ControlEvent]:
        """Return the events of a control that now has `value` (0..127; 0 for a released note). values : the show's."""
        pressed = value >= PRESSED or (key.message == "note" and value > 0)
        struck = pressed and key not in self._pressed
        (self._pressed.add if pressed else self._pressed.discard)(key)
        found: list[ControlEvent] = []
        for binding in self.bindings:
            param = self._registry.by_address.get(binding.address)
            if binding.key == key and param is not None:
                moment = _Moment(value, pressed, struck, values.get(param.name), time)
                wanted = self._wanted(binding, param, moment)
                if wanted is not None:
                    found.append(ControlEvent(param.name, param.validate(wanted), time))
        return found

    def _wanted(self, binding: Binding, param: Param, moment: _Moment) -> object:
        """Return the new value; None for no change."""
        if binding.mode == "trigger":
            return "" if moment.struck else None
        if binding.mode == "toggle":
            return (not moment.value) if moment.struck else None
        if binding.mode == "momentary" or param.kind == "bool":
            return moment.pressed
        if binding.mode in TURNED:
            return self._turn(binding, param, moment)
        if param.kind == "choice":
            return param.choices[min(int(moment.at * len(param.choices)), len(param.choices) - 1)]
        if not self._takes_over(binding, moment):
            return None
        wanted = binding.minimum + moment.at * (binding.maximum - binding.minimum)
        return round(wanted) if param.kind == "int" else wanted

    def _turn(self, binding: Binding, param: Param, moment: _Moment) -> object:
        """Return the value after some turns. It counts from this encoder's own last value while that is recent: the
        known value may be a display frame old."""
        steps = turn(binding.mode, moment.raw)
        low, high = sorted((binding.minimum, binding.maximum))
        known, size = moment.value, (binding.maximum - binding.minimum) / TURNS
        if param.kind == "choice":
            known = param.choices.index(str(known)) if known in param.choices else 0
            low, high, size = 0, len(param.choices) - 1, 1.0
        elif param.kind == "int":
            size = math.copysign(1.0, size)
        value, time = self._turned.get(binding, (0.0, float("-inf")))
        if moment.time - time > LAG:
            value = float(known) if isinstance(known, int | float) else low
        value = min(max(value + steps * size, low), high)
        self._turned[binding] = value, moment.time
        if param.kind == "choice":
            return param.choices[round(value)]
        return round(value) if param.kind == "int" else value

    def positions(self, values: Mapping[str, object]) -> dict[Key, int]:
        """Return the position, 0..127, of each control that shows its parameter: faders, rings, lamps.

        values : the show's.
        """
        found: dict[Key, int] = {}
        for binding in self.bindings:
            param = self._registry.by_address.get(binding.address)
            at = None if param is None else _position(binding, param, values.get(param.name))
            if at is not None:
                found[binding.key] = round(min(max(at, 0.0), 1.0) * 127)
        return found

    def _takes_over(self, binding: Binding, moment: _Moment) -> bool:
        """Return True if a fader holds its parameter: it was the last to set it, stands near it, or has just passed it.

        The known value may be a display frame old, so any of the fader's last settings counts.
        """
        width = binding.maximum - binding.minimum
        if not isinstance(moment.value, int | float) or width == 0.0:
            return True
        now = (moment.value - binding.minimum) / width
        held = self._held.setdefault(binding, deque(maxlen=MEMORY))
        while len(held) > 1 and moment.time - held[0][0] > LAG:
            held.popleft()
        seen = self._seen.get(binding, moment.at)
        self._seen[binding] = moment.at
        low, high = min(seen, moment.at) - NEAR, max(seen, moment.at) + NEAR
        if low <= now <= high or any(abs(at - now) <= NEAR for _, at in held):
            held.append((moment.time, moment.at))
            return True
        held.clear()
        return False


def _position(binding: Binding, param: Param, value: object) -> float | None:
    """Return the position of `value` on its control, in 0..1 unless it lies outside the range; None for an action."""
    if param.kind == "choice":
        return param.choices.index(str(value)) / max(1, len(param.choices) - 1) if value in param.choices else None
    if param.kind == "bool":
        return 1.0 if value else 0.0
    width = binding.maximum - binding.minimum
    return (value - binding.minimum) / width if isinstance(value, int | float) and width else None


def default_path() -> Path:
    """Return the path of the user's map."""
    return user_folder() / "midi.toml"


def load_map(path: Path, registry: Registry = REGISTRY) -> MidiMap:
    """Return the map kept in `path`; an empty one if there is none. UserError names what is wrong with it."""
    try:
        data = read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        return MidiMap((), registry)
    except OSError as error:
        raise UserError(f"MIDI map {path}: {error.strerror or error}") from None
    if len(data) > MAX_BYTES or data.count(b".") > 4 * MAX_BINDINGS or data.count(b"[") > 2 * MAX_BINDINGS:
        raise UserError(f"MIDI map {path}: too large; at most {MAX_BINDINGS} bindings")
    document = read_toml(f"MIDI map {path}", data)
    if document.get("version") != VERSION or not isinstance(document.get("bind", []), list):
        raise UserError(f"MIDI map {path}: version must be {VERSION} and 'bind' a list of tables")
    bindings = tuple(_read(path, i, entry, registry) for i, entry in enumerate(document.get("bind", [])))
    return MidiMap(bindings[:MAX_BINDINGS], registry)


def _read(path: Path, i: int, entry: object, registry: Registry) -> Binding:
    where = f"MIDI map {path}, binding {i + 1}"
    if not isinstance(entry, dict):
        raise UserError(f"{where}: not a table")
    message, channel, number = (entry.get(key) for key in ("message", "channel", "number"))
    whole = type(channel) is int and type(number) is int  # neither true nor 1.0, which are in a range as well
    if message not in ("cc", "note") or not whole or channel not in range(1, 17) or number not in range(128):
        raise UserError(f"{where}: message cc or note, channel 1..16, number 0..127")
    words = [str(entry.get("address", ""))]
    words += [str(entry[key]) for key in ("minimum", "maximum") if key in entry] + [str(entry.get("mode", ""))]
    try:
        return bind_control(Key(str(message), int(str(channel)), int(str(number))), " ".join(words), registry)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def save(path: Path, midi_map: MidiMap) -> None:
    """Write the map, whole or not at all. UserError if it cannot be written."""
    lines = [f"version = {VERSION}"]
    for binding in midi_map.bindings:
        lines += ["", "[[bind]]", *(f"{key} = {_toml(value)}" for key, value in asdict(binding.key).items())]
        lines.append(f"address = {_toml(binding.address)}")
        if binding.mode in ("fader", *TURNED):
            lines += [f"minimum = {_toml(binding.minimum)}", f"maximum = {_toml(binding.maximum)}"]
        lines.append(f"mode = {_toml(binding.mode)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UserError(f"cannot write the MIDI map {path}: {error.strerror or error}") from None


def _toml(value: object) -> str:
    """Return a number, or text without quotes or backslashes in it (addresses and words have none)."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
