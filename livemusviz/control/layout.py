"""Makes a TouchOSC layout from the registry. Pure: registry in, the file's bytes out.

A .tosc file is XML under zlib: a tree of nodes with properties, values and messages (hexler.net/touchosc/manual). Each
number becomes a fader over its own range, each switch and action a button, each choice a row of buttons; labels show
the state of the show. Set TouchOSC's connection 1 to this show's OSC port, and its receive port to that of `--osc-out`.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from livemusviz.params.param import Param
from livemusviz.params.registry import Registry

WIDTH, HEIGHT = 1194, 834  # points, an 11-inch tablet on its side
MARGIN, GAP = 12, 8
BUTTON, CHOICE = (128, 52), (96, 44)
FADER_WIDTH, LABEL = 84, 20
SPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")  # the same layout has the same identifiers
COLOURS = {
    "float": (0.25, 0.62, 0.95),
    "int": (0.45, 0.8, 0.55),
    "bool": (0.95, 0.35, 0.45),
    "action": (0.95, 0.7, 0.3),
}
GREY = (0.45, 0.5, 0.6)
_TYPED = frozenset(("learn", "forget"))  # take text, which a button cannot send


@dataclass(frozen=True, slots=True)
class _Frame:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Argument:
    """kind : "VALUE" (of the control) or "CONSTANT".  conversion : "FLOAT", "INTEGER" or "STRING"."""

    kind: str
    conversion: str
    value: str
    low: float = 0.0
    high: float = 1.0


def tosc(registry: Registry) -> bytes:
    """Return the layout of all parameters that a touch can set, as a .tosc file."""
    nodes: list[str] = []
    y = float(MARGIN)
    y = _row(nodes, y, [p for p in registry.params if p.kind in ("bool", "action") and p.name not in _TYPED], BUTTON)
    for param in (p for p in registry.params if p.kind == "choice"):
        y = _choice(nodes, y, param)
    y = _texts(nodes, y, [p for p in registry.params if p.name in ("prompt", "preset")])
    _faders(nodes, y, [p for p in registry.params if p.number])
    root = _node("GROUP", "livemusviz", _Frame(0, 0, WIDTH, HEIGHT), (0.05, 0.06, 0.08), children=nodes)
    document = f'<?xml version="1.0" encoding="UTF-8"?><lexml version="3">{root}</lexml>'
    return zlib.compress(document.encode("utf-8"))


def _row(nodes: list[str], y: float, params: list[Param], size: tuple[int, int]) -> float:
    """Add buttons in rows from `y` on. Return the y below them."""
    width, height = size
    a_row = int((WIDTH - 2 * MARGIN + GAP) // (width + GAP))
    for i, param in enumerate(params):
        frame = _Frame(MARGIN + i % a_row * (width + GAP), y + i // a_row * (height + GAP), width, height)
        toggle = param.kind == "bool"
        message = _message(param.address, [_Argument("VALUE", "INTEGER" if toggle else "FLOAT", "x")])
        nodes.append(_button(param.address, frame, COLOURS[param.kind], message, toggle))
        nodes.append(_label(param.address, frame, param.address.strip("/")))
    return y + -(-len(params) // a_row) * (height + GAP)


def _choice(nodes: list[str], y: float, param: Param) -> float:
    width, height = CHOICE
    nodes.append(_label(f"{param.address} name", _Frame(MARGIN, y, 130, height), param.address.strip("/")))
    for i, choice in enumerate(param.choices):
        frame = _Frame(MARGIN + 140 + i * (width + GAP), y, width, height)
        message = _message(param.address, [_Argument("CONSTANT", "STRING", choice)], "RISE", receive=False)
        nodes.append(_button(f"{param.address} {choice}", frame, GREY, message, toggle=False))
        nodes.append(_label(f"{param.address} {choice}", frame, choice))
    return y + height + GAP


def _texts(nodes: list[str], y: float, params: list[Param]) -> float:
    """Return labels that show the state of the show."""
    for param in params:
        frame = _Frame(MARGIN, y, WIDTH - 2 * MARGIN, 28)
        message = _message(param.address, [_Argument("VALUE", "STRING", "text")], send=False)
        nodes.append(_label(param.address, frame, param.address.strip("/"), message))
        y += 28 + GAP
    return y


def _faders(nodes: list[str], y: float, params: list[Param]) -> None:
    a_row = int((WIDTH - 2 * MARGIN + GAP) // (FADER_WIDTH + GAP))
    rows = max(1, -(-len(params) // a_row))
    height = max(80.0, (HEIGHT - y - MARGIN) // rows - GAP)
    for i, param in enumerate(params):
        left, top = MARGIN + i % a_row * (FADER_WIDTH + GAP), y + i // a_row * (height + GAP)
        conversion = "FLOAT" if param.kind == "float" else "INTEGER"
        message = _message(param.address, [_Argument("VALUE", conversion, "x", param.minimum, param.maximum)])
        default = param.default if isinstance(param.default, int | float) else param.minimum
        at = (default - param.minimum) / ((param.maximum - param.minimum) or 1.0)
        frame = _Frame(left, top, FADER_WIDTH, height - LABEL)
        values = _value("x", f"{at:.6g}") + _value("touch", "false")
        nodes.append(_node("FADER", param.address, frame, COLOURS[param.kind], values=values, messages=message))
        text = param.address.rsplit("/", 1)[1].replace("_", " ")
        nodes.append(_label(f"{param.address} name", _Frame(left, top + height - LABEL, FADER_WIDTH, LABEL), text))


def _button(name: str, frame: _Frame, colour: tuple[float, float, float], message: str, toggle: bool) -> str:
    properties = _property("i", "buttonType", "1" if toggle else "0")  # momentary or toggle, on press
    values = _value("x", "0") + _value("touch", "false")
    return _node("BUTTON", name, frame, colour, properties, values, message)


def _label(name: str, frame: _Frame, text: str, message: str = "") -> str:
    properties = (
        _property("i", "textSize", "13") + _property("i", "textAlignH", "2") + _property("b", "interactive", "0")
    )
    properties += _property("b", "background", "0") + _property("b", "outline", "0")
    values = _value("text", text) + _value("touch", "false")
    return _node("LABEL", f"{name} label", frame, GREY, properties, values, message)


def _node(
    kind: str,
    name: str,
    frame: _Frame,
    colour: tuple[float, float, float],
    properties: str = "",
    values: str = "",
    messages: str = "",
    children: Iterable[str] = (),
) -> str:
    own = _property("s", "name", name) + _property("r", "frame", _numbers("xywh", _sides(frame)))
    own += _property("c", "color", _numbers("rgba", (*colour, 1.0)))
    return (
        f'<node ID="{uuid.uuid5(SPACE, f"{kind} {name}")}" type="{kind}"><properties>{own}{properties}</properties>'
        f"<values>{values}</values><messages>{messages}</messages><children>{''.join(children)}</children></node>"
    )


def _sides(frame: _Frame) -> tuple[float, ...]:
    return frame.x, frame.y, frame.width, frame.height


def _message(
    address: str, arguments: list[_Argument], condition: str = "ANY", send: bool = True, receive: bool = True
) -> str:
    """Return one OSC message of a control on connection 1."""
    variable = "text" if any(argument.value == "text" for argument in arguments) else "x"
    trigger = f"<trigger><var>{variable}</var><condition>{condition}</condition></trigger>"
    path = _partial(_Argument("CONSTANT", "STRING", address))
    return (
        f"<osc><enabled>1</enabled><send>{int(send)}</send><receive>{int(receive)}</receive><feedback>0</feedback>"
        f"<connections>00001</connections><triggers>{trigger}</triggers><path>{path}</path>"
        f"<arguments>{''.join(_partial(argument) for argument in arguments)}</arguments></osc>"
    )


def _partial(argument: _Argument) -> str:
    return (
        f"<partial><type>{argument.kind}</type><conversion>{argument.conversion}</conversion>"
        f"<value>{escape(argument.value)}</value>"
        f"<scaleMin>{argument.low:g}</scaleMin><scaleMax>{argument.high:.12g}</scaleMax></partial>"
    )


def _property(kind: str, key: str, value: str) -> str:
    text = value if kind in "rc" else escape(value)
    return f'<property type="{kind}"><key>{key}</key><value>{text}</value></property>'


def _numbers(names: str, numbers: Iterable[float]) -> str:
    return "".join(f"<{name}>{number:g}</{name}>" for name, number in zip(names, numbers, strict=True))


def _value(key: str, default: str) -> str:
    return (
        f"<value><key>{key}</key><locked>0</locked><lockedDefaultCurrent>0</lockedDefaultCurrent>"
        f"<default>{escape(default)}</default><defaultPull>0</defaultPull></value>"
    )
