"""Cameras, stubbed at the container: a file stands in for the device, and pixels are compared."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import av.device
import numpy as np
import pytest

from livemusviz.errors import UserError
from livemusviz.sources import devices
from livemusviz.sources.capture import LAG, PictureCapture, QueueLag
from livemusviz.sources.devices import Device, cameras, find_device, screens
from livemusviz.sources.spec import PictureSpec
from tests.sources.clips import BLUE, RED, SteppedClock, plain, quarter, write_clip

CAMERA = Device("camera", "Stage Cam", "/dev/video9", "v4l2")


def captured(path: Path, clock: SteppedClock, wait: float = 0.04) -> Iterator[np.ndarray | None]:
    """Read a file as if a camera delivered it."""
    for picture in PictureCapture(CAMERA, (64, 64), clock, clock.sleep, lambda device: av.open(str(path))).read():
        clock.now += wait
        yield picture


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.nut", "rawvideo", "nv12"), ("b.avi", "mjpeg", "yuvj422p"), ("c.mkv", "ffv1", "yuv420p10le")],
)
def test_the_pixels_of_a_camera(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    path = write_clip(tmp_path / name, [quarter((96, 64))] * 8, codec=codec, pix_fmt=pix_fmt)
    found = captured(path, SteppedClock())
    picture = next(each for each in found if each is not None)
    expected = quarter((96, 64))[:, 16:80].astype(float)
    assert picture.shape == (64, 64, 3)
    assert np.abs(picture - expected).mean() < 4.0, "the middle of the picture, upright, in its colours"


def test_a_camera_that_goes_is_told_by_its_name(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.nut", [plain(RED)] * 3, codec="rawvideo", pix_fmt="yuyv422")
    with pytest.raises(UserError, match="camera 'Stage Cam': is gone; looking for it"):
        list(captured(path, SteppedClock()))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (av.OSError(16, "Device or resource busy"), "'Stage Cam': is in use by another program"),
        (av.PermissionError(13, "Permission denied"), "may not be opened; allow this program the camera"),
        (av.FileNotFoundError(2, "No such file or directory"), "cannot be opened .*No such file"),
    ],
)
def test_a_camera_that_cannot_be_opened(error: Exception, message: str) -> None:
    def refuse(device: Device) -> Any:
        raise error

    clock = SteppedClock()
    with pytest.raises(UserError, match=message) as caught:
        next(PictureCapture(CAMERA, (64, 64), clock, clock.sleep, refuse).read())
    assert "\n" not in str(caught.value)


def test_pictures_that_wait_in_the_drivers_queue_are_left_out(tmp_path: Path) -> None:
    pictures = [plain(RED)] * 5 + [plain(BLUE)] * 40
    path = write_clip(tmp_path / "c.nut", pictures, fps=30, codec="rawvideo", pix_fmt="yuyv422")
    clock = SteppedClock()
    items = []
    with pytest.raises(UserError, match="is gone"):
        for item in captured(path, clock, wait=0.1):  # slower than the camera
            items.append(item)
    assert items[1] is not None and sum(item is not None for item in items) < 8


def test_the_lag_is_told_from_a_slow_clock() -> None:
    queue = QueueLag()
    assert not any(queue.is_late(10.0 + 0.0101 * i, 0.01 * i) for i in range(2000)), "one per cent of drift"
    assert queue.is_late(60.0, 20.0 - LAG)
    assert not queue.is_late(60.0, None)


def test_devices_are_found_by_name() -> None:
    two = [CAMERA, Device("camera", "FaceTime HD Camera", "0:none", "avfoundation")]
    assert find_device(PictureSpec("camera"), two) is CAMERA
    assert find_device(PictureSpec("camera", "facetime"), two) is two[1]
    assert find_device(PictureSpec("camera", "/dev/video9"), two) is CAMERA
    with pytest.raises(UserError, match="'cam' is ambiguous: 'Stage Cam', 'FaceTime HD Camera'"):
        find_device(PictureSpec("camera", "cam"), two)
    with pytest.raises(UserError, match="no camera 'x'; there are: 'Stage Cam'"):
        find_device(PictureSpec("camera", "x"), two)
    with pytest.raises(UserError, match="no camera found; plug one in"):
        find_device(PictureSpec("camera"), [])


def test_each_system_opens_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def enumerate_input_devices(system: str) -> list[Any]:
        asked.append(system)
        video = SimpleNamespace(name="0", description="FaceTime", media_types=["video"])
        screen = SimpleNamespace(name="1", description="Capture screen 0", media_types=["video"])
        sound = SimpleNamespace(name="0", description="Microphone", media_types=["audio"])
        return [video, screen, sound]

    monkeypatch.setattr(av.device, "enumerate_input_devices", enumerate_input_devices)
    assert cameras("darwin") == [Device("camera", "FaceTime", "0:none", "avfoundation", (("framerate", "30"),))]
    assert [(each.name, each.url) for each in screens("darwin")] == [("0", "1:none")]
    assert cameras("win32")[0].url == "video=FaceTime" and screens("win32")[0].format == "gdigrab"
    assert cameras("linux")[0].url == "0" and asked == ["avfoundation", "avfoundation", "dshow", "v4l2"]
    assert cameras("linux", ours=["0"]) == [], "never the camera that the show writes to"
    monkeypatch.setenv("DISPLAY", ":7")
    assert (screens("linux")[0].url, screens("linux")[0].format) == (":7", "x11grab")
    monkeypatch.delenv("DISPLAY")
    assert screens("linux") == []


@pytest.mark.skipif(shutil.which("Xvfb") is None or shutil.which("xsetroot") is None, reason="needs Xvfb, xsetroot")
def test_the_pixels_of_a_screen(x_display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", x_display)
    screen = find_device(PictureSpec("screen"), screens("linux"))
    pictures = PictureCapture(screen, (64, 64), time.perf_counter, time.sleep).read()
    next(pictures)  # connected: without any client the server would forget its colour
    subprocess.run(["xsetroot", "-display", x_display, "-solid", "#c81e28"], check=True, timeout=20)
    seen = (np.abs(each.reshape(-1, 3).mean(axis=0) - (200, 30, 40)).max() for each in pictures if each is not None)
    assert any(away < 2 for _, away in zip(range(100), seen, strict=False))


def test_a_system_that_lists_no_cameras_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(system: str) -> Any:
        raise ValueError("unknown format")

    monkeypatch.setattr(av.device, "enumerate_input_devices", refuse)
    assert devices.cameras("linux") == []
