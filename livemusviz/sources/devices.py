"""Lists cameras and screens, and says how FFmpeg opens them on each system. PyAV; any thread.

On macOS a camera is asked for 30 pictures a second in so many words: AVFoundation refuses FFmpeg's own 29.97.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import av
import av.device

from livemusviz.errors import UserError
from livemusviz.sources.spec import PictureSpec

SYSTEMS = {"darwin": "avfoundation", "win32": "dshow"}
SCREEN = "Capture screen"  # AVFoundation's name for one
SHOWN = 8  # names in a message


@dataclass(frozen=True, slots=True)
class Device:
    """name : as `--picture KIND:NAME` takes it.  url, format : as FFmpeg opens it.  options : to open it with."""

    kind: str
    name: str
    url: str
    format: str
    options: tuple[tuple[str, str], ...] = ()


def capture_format(platform: str = sys.platform) -> str:
    """Return FFmpeg's name for the cameras of a system."""
    return SYSTEMS.get(platform, "v4l2")


def cameras(platform: str = sys.platform, ours: Sequence[str] = ()) -> list[Device]:
    """Return the cameras; none where they cannot be listed. ours : paths of virtual ones that this show writes to."""
    return [each for each in _listed(platform) if not each.name.startswith(SCREEN) and each.url not in ours]


def screens(platform: str = sys.platform) -> list[Device]:
    """Return the screens that can be captured; the first is the whole desktop on Linux and Windows."""
    if platform == "darwin":
        options = (("framerate", "30"), ("capture_cursor", "0"))
        found = [each for each in _listed(platform) if each.name.startswith(SCREEN)]
        return [Device("screen", each.name.rpartition(" ")[2], each.url, each.format, options) for each in found]
    if platform == "win32":
        return [Device("screen", "desktop", "desktop", "gdigrab", (("framerate", "30"), ("draw_mouse", "0")))]
    display, options = os.environ.get("DISPLAY", ""), (("framerate", "30"), ("draw_mouse", "0"))
    return [Device("screen", display, display, "x11grab", options)] if display else []


def find_device(spec: PictureSpec, devices: Sequence[Device]) -> Device:
    """Return the device that `spec` names: exactly, or as the only name that contains it; the first for no name.
    UserError that names the candidates."""
    if not devices:
        more = "; set DISPLAY" if spec.kind == "screen" and sys.platform.startswith("linux") else "; plug one in"
        raise UserError(f"picture: no {spec.kind} found{more}")
    if not spec.name:
        return devices[0]
    exact = [each for each in devices if spec.name in (each.name, each.url)]
    near = exact or [each for each in devices if spec.name.lower() in each.name.lower()]
    if len(near) == 1 or exact:
        return near[0]
    names = ", ".join(f"'{each.name}'" for each in (near or devices)[:SHOWN])
    if near:
        raise UserError(f"picture: {spec.kind} '{spec.name[:64]}' is ambiguous: {names}; give one of these in full")
    raise UserError(f"picture: no {spec.kind} '{spec.name[:64]}'; there are: {names}")


def _listed(platform: str) -> list[Device]:
    system = capture_format(platform)
    try:
        found = av.device.enumerate_input_devices(system)
    except (av.FFmpegError, ValueError):  # this build of FFmpeg cannot list them
        return []
    options = (("framerate", "30"),) if system == "avfoundation" else ()
    devices = []
    for each in found:
        name = each.description or each.name
        if each.media_types and "video" not in each.media_types:
            continue
        url = f"video={name}" if system == "dshow" else f"{each.name}:none" if system == "avfoundation" else each.name
        devices.append(Device("camera", name, url, system, options))
    return devices
