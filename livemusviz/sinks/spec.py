"""Reads `--out NAME[:key=value,...]`: the outputs that a show is asked for. Plain values; standard library only.

    stream:rtmp://127.0.0.1/live/key,bitrate=4000        ndi:Stage-left,alpha=luma        camera:/dev/video9

A part without a key belongs to the option that the kind names first, or goes on with the part before it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from livemusviz.errors import UserError, suggest
from livemusviz.params.param import Param
from livemusviz.sizes import whole_number

SENDER = "livemusviz"  # as other programs see it, without a name of its own
MOST_OUTPUTS = 8
BITS_A_PIXEL = 0.15  # of a picture, for the usual bit rate of a stream
USUAL_RATES = 500, 9000  # kbit/s
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")  # part of an OSC address
_KEY = re.compile(r"([a-z]+)=(.*)", re.DOTALL)
_HIDDEN = "..."
NODES = Path("/sys/devices/virtual/video4linux")  # where Linux lists cameras without hardware


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = whole_number(text, low, high)
        if number is None:
            raise ValueError(f"give a whole number of {low}..{high}")
        return number

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"give one of {', '.join(words)}")
        return text

    return read


def _name(text: str) -> str:
    if NAME.fullmatch(text) is None:
        raise ValueError("give 1 to 40 letters, digits, - _ or .")
    return text


def _text(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("give a text")
    return text


Reader = Callable[[str], Any]
FPS = _number(1, 60)
COMMON: Mapping[str, Reader] = {"name": _name, "on": _number(0, 1)}
SCHEMES = ("rtmp", "rtmps", "rtsp", "udp", "http", "https", "")


@dataclass(frozen=True, slots=True)
class Kind:
    """Describes a kind of output.

    main : option that a part without a key sets.
    options : options with their readers.
    systems : `sys.platform`s that have it.
    library : module that it needs, and the extra that brings it.
    on_gpu : True takes the canvas's texture, on the display's thread; False takes pictures, in a process of its own.
    instead : advice for other systems.
    """

    main: str
    options: Mapping[str, Reader]
    systems: tuple[str, ...] = ("linux", "darwin", "win32")
    library: tuple[str, str] = ("", "")
    on_gpu: bool = False
    instead: str = ""


KINDS: Mapping[str, Kind] = {
    "stream": Kind(
        "url",
        {
            "url": _text,
            "bitrate": _number(100, 50_000),
            "fps": FPS,
            "format": _one_of("flv", "mpegts", "rtsp", "hls", "whip"),
        },
    ),
    "ndi": Kind(
        "name",
        {"fps": FPS, "alpha": _one_of("opaque", "luma")},
        library=("NDIlib", "ndi"),
    ),
    "camera": Kind(
        "device",
        {"device": _text, "fps": FPS},
        systems=("linux",),
        instead="use syphon (macOS) or spout (Windows) into OBS, and the virtual camera of OBS",
    ),
    "syphon": Kind("name", {}, ("darwin",), ("syphon", "syphon"), True, "use spout on Windows, ndi on Linux"),
    "spout": Kind("name", {}, ("win32",), ("SpoutGL", "spout"), True, "use syphon on macOS, ndi on Linux"),
}


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """Describes one output. kind : of `KINDS`.  name : as `/out/<name>` has it.  options : those given, read.

    on : whether it begins with the show.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    on: bool = True

    @property
    def on_gpu(self) -> bool:
        """Return True if it takes textures on the display's thread."""
        return KINDS[self.kind].on_gpu

    @property
    def sender(self) -> str:
        """Return the name that other programs see."""
        return str(self.options.get("name", SENDER))

    @property
    def fps(self) -> int:
        """Return the rate of its pictures, 1..60 a second."""
        return int(self.options.get("fps", 30))

    @property
    def target(self) -> str:
        """Tell where it goes. Of an address only what is no secret: a stream's key is its last part."""
        if self.kind == "stream":
            return without_secrets(str(self.options["url"]))
        return str(self.options.get("device", "")) if self.kind == "camera" else self.sender

    @property
    def param(self) -> Param:
        """Return the switch `/out/<name>`."""
        doc = f"output to {self.kind}"
        return Param(f"out/{self.name}", "bool", self.on, 0.0, 1.0, "", doc, f"/out/{self.name}", preset=False)


def parse_out(text: str) -> SinkSpec:
    """Return the output that `--out` asks for. UserError for what cannot be."""
    kind_name, _, rest = text.partition(":")
    kind = KINDS.get(kind_name)
    if kind is None:
        raise UserError(f"--out {kind_name[:40]}: no such output; {suggest(kind_name, KINDS)}")
    options: dict[str, Any] = {}
    for key, value in _parts(kind, rest):
        readers = {**COMMON, **kind.options}
        if key not in readers:
            raise UserError(f"--out {kind_name}: no option '{key[:40]}'; {suggest(key, readers)}")
        if key in options:
            raise UserError(f"--out {kind_name}: {key} is given twice")
        try:
            options[key] = readers[key](value)
        except ValueError as error:
            shown = _HIDDEN if key == "url" else value[:40]
            raise UserError(f"--out {kind_name}: {key}={shown}: {error}") from None
    if kind_name == "stream":
        _check_url(options)
    on = bool(options.pop("on", 1))
    return SinkSpec(kind_name, options.get("name", kind_name), options, on)


def parse_outs(texts: Iterable[str]) -> tuple[SinkSpec, ...]:
    """Return all outputs. UserError if two have one name, or if there are too many."""
    specs = tuple(parse_out(text) for text in texts)
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--out: two outputs are called '{name}'; give one another name, as name=second")
    if len(specs) > MOST_OUTPUTS:
        raise UserError(f"--out: {len(specs)} outputs; give at most {MOST_OUTPUTS}")
    return specs


def refusal(spec: SinkSpec, system: str = sys.platform, found: Callable[[str], bool] | None = None) -> str:
    """Return why an output cannot be had on this machine, and what to do; "" if nothing speaks against it.

    found : tells whether a module is installed.
    """
    kind = KINDS[spec.kind]
    if system not in kind.systems:
        return f"{spec.kind} is not to be had on this system; {kind.instead}"
    module, extra = kind.library
    if module and not (found or _installed)(module):
        return f"{spec.kind} needs a library: pip install 'livemusviz[{extra}]'"
    return ""


def own_names(specs: Iterable[SinkSpec]) -> tuple[str, ...]:
    """Return the names under which other programs, and our own sources, find our outputs: senders, and cameras by path.

    No source may take one of them: a show would feed on itself.
    """
    cameras = [spec.target or first_node() or "" for spec in specs if spec.kind == "camera"]
    senders = [spec.sender for spec in specs if spec.kind not in ("camera", "stream")]
    return tuple(name for name in (*senders, *cameras) if name)


def bit_rate(spec: SinkSpec, size: tuple[int, int]) -> int:
    """Return the bits/s of a stream's pictures: as asked for, or by the canvas. size : (width, height), pixels."""
    low, high = USUAL_RATES
    usual = min(max(round(size[0] * size[1] * spec.fps * BITS_A_PIXEL / 1000), low), high)
    return 1000 * int(spec.options.get("bitrate", usual))


def first_node(nodes: Path = NODES) -> str | None:
    """Return the path of the first virtual camera of this machine, None if there is none. nodes : where they are."""
    found = sorted(nodes.glob("video*"), key=lambda node: (len(node.name), node.name))
    return f"/dev/{found[0].name}" if found else None


def without_secrets(url: str) -> str:
    """Return an address without user, password, query and stream key."""
    parts = urlsplit(url)
    if not parts.scheme:
        return url
    if not parts.hostname:
        return f"{parts.scheme}:{_HIDDEN}"
    port = f":{parts.port}" if parts.port else ""
    folder, _, key = parts.path.rpartition("/")
    path = f"{folder}/{_HIDDEN}" if key and parts.scheme not in ("udp", "rtsp") else parts.path
    return f"{parts.scheme}://{parts.hostname}{port}{path}"


def _parts(kind: Kind, text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for part in text.split(",") if text else ():
        match = _KEY.fullmatch(part)
        if match is not None:
            found.append((match[1], match[2]))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]},{part}")
        else:
            found.append((kind.main, part))
    return found


def _check_url(options: Mapping[str, Any]) -> None:
    url = options.get("url")
    if url is None:
        raise UserError("--out stream: give its address, as stream:rtmp://127.0.0.1/live/key")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UserError(f"--out stream: {url.partition('://')[0][:16]}: no usable address: {error}") from None
    if parts.scheme not in SCHEMES or (parts.scheme and not parts.hostname):
        usual = "rtmp://, rtmps://, rtsp://, udp://, https:// (WHIP) or a file.m3u8"
        raise UserError(f"--out stream: cannot send to '{without_secrets(url)[:60]}'; give {usual}")
    if not parts.scheme and not url.endswith(".m3u8"):
        raise UserError(f"--out stream: '{url[:60]}' is no address; give rtmp://HOST/APP/KEY or a file.m3u8")


def _installed(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None
