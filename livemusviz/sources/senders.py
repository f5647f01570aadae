"""Reads what another program sends: NDI, Syphon (macOS), Spout (Windows). Runs in the sources' process.

Each library is imported only when its kind is asked for. Out: pictures as `reader` says.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from livemusviz.errors import UserError
from livemusviz.sources.fitting import Size, fit_array
from livemusviz.sources.reader import BREATH, PictureRateLimit, Pictures, Sleep, Time
from livemusviz.sources.spec import SENDERS, PictureSpec

SEARCH = 5.0  # s that a sender is looked for
LOST = 2.0  # s without a picture, after which a sender is looked for again
GL_RGBA = 0x1908
POLL = 0.004  # s between looks for a new picture
OURS = "livemusviz"  # begins the names of our own outputs, which are never our input


@dataclass(frozen=True, slots=True)
class Library:
    """module : that Python imports.  package : that pip installs.  platform : of `sys.platform`, "" is any."""

    module: str
    package: str
    platform: str = ""


LIBRARIES = {
    "ndi": Library("NDIlib", "ndi-python"),
    "syphon": Library("syphon", "syphon-python", "darwin"),
    "spout": Library("SpoutGL", "SpoutGL", "win32"),
}


def load_library(kind: str) -> Any:
    """Import the library of a kind. UserError if this system has none, or it is not installed."""
    library = LIBRARIES[kind]
    if library.platform and library.platform != sys.platform:
        where = {"darwin": "macOS", "win32": "Windows"}[library.platform]
        raise UserError(f"picture: {kind} is for {where}; use ndi:NAME here")
    try:
        return importlib.import_module(library.module)
    except (ImportError, OSError) as error:
        raise UserError(f"picture: {kind} needs {library.package}; pip install {library.package} ({error})") from None


def senders_available(kind: str) -> bool:
    """Return True if the library of a kind is there."""
    library = LIBRARIES[kind]
    return library.platform in ("", sys.platform) and importlib.util.find_spec(library.module) is not None


def sender_names(kind: str, seconds: float = 1.0) -> list[str]:
    """Return the senders of a kind, looked for for at most `seconds`. UserError as from `load_library`."""
    module = load_library(kind)
    names = {"ndi": _ndi_names, "syphon": _syphon_names, "spout": _spout_names}[kind](module, seconds)
    return [name for name in names if not is_ours(name)]


def is_ours(name: str, ours: Sequence[str] = ()) -> bool:
    """Return True for an output of a show like this one: a picture that was its own input would run away.

    name : also as NDI has it, "HOST (NAME)".  ours : other names under which this show sends.
    """
    plain = name.rpartition("(")[2].rstrip(")").lower()
    return plain.startswith(OURS) or plain in [each.lower() for each in ours]


def read_sender(spec: PictureSpec, size: Size, clock: Time, sleep: Sleep, ours: Sequence[str] = ()) -> Pictures:
    """Yield the pictures of a sender. ours : as of `is_ours`. UserError when it is not found, or has gone."""
    if spec.kind not in SENDERS:
        raise ValueError(f"{spec.kind} is no sender")
    if is_ours(spec.name, ours):
        raise UserError(f"picture: {spec.text[:80]} is this program's own output; choose another")
    module = load_library(spec.kind)
    open_with: Callable[..., Iterator[np.ndarray | None]] = {"ndi": _ndi, "syphon": _syphon, "spout": _spout}[spec.kind]
    rate, news = PictureRateLimit(), clock()
    for pixels in open_with(module, spec.name, ours):
        now = clock()
        if pixels is not None:
            news = now
            yield fit_array(pixels, size) if rate.passes(now) else None
        elif now - news > LOST:
            raise UserError(f"{spec.text}: sends no more; looking for it")
        else:
            sleep(POLL)
            yield None


def _named(kind: str, wanted: str, names: list[str], ours: Sequence[str]) -> int:
    """Return the index of the sender called `wanted`, or of the only one whose name contains it."""
    exact = [i for i, name in enumerate(names) if name == wanted]
    near = exact or [i for i, name in enumerate(names) if wanted.lower() in name.lower() and not is_ours(name, ours)]
    if len(near) == 1 or exact:
        return near[0]
    listed = ", ".join(f"'{name}'" for name in names[:8]) or "none"
    raise UserError(f"picture: {'several' if near else 'no'} {kind} senders '{wanted[:64]}'; there are: {listed}")


def _ndi_sources(ndi: Any, seconds: float, enough: Callable[[list[str]], bool]) -> list[Any]:
    if not ndi.initialize():
        raise UserError("picture: NDI does not run on this processor")
    wanted = ndi.FindCreate()
    wanted.extra_ips = "127.0.0.1"  # this machine's senders are found without a name service too
    finder = ndi.find_create_v2(wanted)
    try:
        found: list[Any] = []
        for _ in range(max(1, round(seconds / BREATH))):
            ndi.find_wait_for_sources(finder, round(1000 * BREATH))
            found = list(ndi.find_get_current_sources(finder))
            if enough([source.ndi_name for source in found]):
                break
        return found
    finally:
        ndi.find_destroy(finder)


def _ndi_names(ndi: Any, seconds: float) -> list[str]:
    return [source.ndi_name for source in _ndi_sources(ndi, seconds, lambda names: False)]


def _ndi(ndi: Any, name: str, ours: Sequence[str]) -> Iterator[np.ndarray | None]:
    found = _ndi_sources(ndi, SEARCH, lambda names: any(name.lower() in each.lower() for each in names))
    chosen = found[_named("ndi", name, [source.ndi_name for source in found], ours)]
    options = ndi.RecvCreateV3()
    options.color_format = ndi.RECV_COLOR_FORMAT_RGBX_RGBA
    receiver = ndi.recv_create_v3(options)
    try:
        ndi.recv_connect(receiver, chosen)
        while True:
            kind, video, audio, metadata = ndi.recv_capture_v2(receiver, round(1000 * BREATH))
            if kind == ndi.FRAME_TYPE_VIDEO:
                yield np.array(video.data)
                ndi.recv_free_video_v2(receiver, video)
                continue
            if kind == ndi.FRAME_TYPE_AUDIO:
                ndi.recv_free_audio_v2(receiver, audio)
            elif kind == ndi.FRAME_TYPE_METADATA:
                ndi.recv_free_metadata(receiver, metadata)
            yield None
    finally:
        ndi.recv_destroy(receiver)


def _syphon_servers(syphon: Any) -> list[tuple[str, Any]]:
    servers = syphon.SyphonServerDirectory().servers
    return [(f"{server.app_name} {server.name}".strip(), server) for server in servers]


def _syphon_names(syphon: Any, seconds: float) -> list[str]:
    return [name for name, _ in _syphon_servers(syphon)]


def _syphon(syphon: Any, name: str, ours: Sequence[str]) -> Iterator[np.ndarray | None]:
    copy = importlib.import_module("syphon.utils.numpy").copy_mtl_texture_to_image
    servers = _syphon_servers(syphon)
    client = syphon.SyphonMetalClient(servers[_named("syphon", name, [each for each, _ in servers], ours)][1])
    try:
        while client.is_valid:
            if not client.has_new_frame:
                yield None
                continue
            bgra = copy(client.new_frame_image)
            yield bgra[::-1, :, 2::-1]  # Metal's texture is BGRA with the bottom row first
    finally:
        client.stop()
    raise UserError(f"syphon:{name}: sends no more; looking for it")


def _spout_names(spout: Any, seconds: float) -> list[str]:
    with spout.SpoutReceiver() as receiver:
        return list(receiver.getSenderList())


def _spout(spout: Any, name: str, ours: Sequence[str]) -> Iterator[np.ndarray | None]:
    with spout.SpoutReceiver() as receiver:
        if not receiver.createOpenGL():
            raise UserError("picture: spout needs OpenGL, and there is none in this session")
        names = list(receiver.getSenderList())
        receiver.setReceiverName(names[_named("spout", name, names, ours)])
        pixels: np.ndarray | None = None
        while True:
            received = receiver.receiveImage(pixels, GL_RGBA, False, 0)
            if receiver.isUpdated():
                shape = (receiver.getSenderHeight(), receiver.getSenderWidth(), 4)
                pixels = np.zeros(shape, np.uint8)
                yield None
            elif received and pixels is not None and receiver.isFrameNew():
                yield pixels.copy()
            else:
                yield None
