"""The show among other programs: streams that a player receives, NDI, outputs that hang or come and go."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from demo.measure import read_film
from tests.sinks.feeding import flashes, offsets
from tests.system.shows import LiveShow, free_udp_port
from tests.tracks import clicks, heard_clicks

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed"),
]

TOGETHER = 0.04  # s between a click and its flash
FLASH_SHADER = """/*{"ISFVSN": "2", "INPUTS": [
    {"NAME": "inputImage", "TYPE": "image"}, {"NAME": "light", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 0}
]}*/
void main() { gl_FragColor = vec4(vec3(light), 1.0); }
"""
PRESET = """version = 1
chain = ["lamp"]

[fx.lamp]
light = {source = "onset", low = 0.0, high = 1.0, release = 0.15}
"""


class Stage:
    """Shows that flash with each click of their sound, two of them a second."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, []  # type: tuple[Path, list[Any]]
        presets, self.shaders = folder / "config/livemusviz/presets", folder / "shaders"
        presets.mkdir(parents=True)
        self.shaders.mkdir()
        (presets / "lamp.toml").write_text(PRESET)
        (self.shaders / "lamp.fs").write_text(FLASH_SHADER)
        clicks(folder / "clicks.wav", 60.0, every=0.5)

    def show(self, *words: str) -> LiveShow:
        given = ["--input", str(self.folder / "clicks.wav"), "--preset", "lamp", "--shaders", str(self.shaders)]
        show = LiveShow(self.folder, *given, "--no-flash-limit", "--no-quality-ladder", *words)
        self.running.append(show)
        return show

    def listener(self, url: str, path: Path, *before: str, seconds: float | None = None) -> subprocess.Popen[bytes]:
        """Start an ffmpeg that writes what it receives, at once."""
        length = [] if seconds is None else ["-t", str(seconds)]
        command = ["ffmpeg", "-v", "error", "-y", *before, "-i", url]
        command += [*length, "-c", "copy", "-flush_packets", "1", str(path)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running.append(process)
        return process

    def close(self) -> None:
        for each in self.running:
            each.kill()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def free_tcp_port() -> int:
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        return int(tcp.getsockname()[1])


def check(path: Path, least: float) -> float:
    """Check a received stream of `least` s or more; how much later than its click a flash is, s, the median.

    A single flash is up to a display frame later: the first canvas after the click shows it.
    """
    film = read_film(path)
    assert film.codecs == ("h264", "aac") and film.seconds >= least, (film.codecs, film.seconds)
    lit, heard = flashes(film.pictures, film.times), heard_clicks(path)
    lit, heard = lit[lit > 1.0], heard[heard > 0.5]
    assert len(lit) >= least / 2, (lit, heard)
    late = 1000 * offsets(lit, heard)
    share = 100 * (np.abs(late) <= 1000 * TOGETHER).mean()
    print(f"{path.name}: {film.seconds:.1f} s, {len(lit)} flashes, median {np.median(late):.0f} ms later, "
          f"{late.min():.0f}..{late.max():.0f} ms, {share:.0f} % within 40 ms")  # fmt: skip
    return float(np.median(late)) / 1000


def key_frames(path: Path) -> int:
    """Return the number of key frames in a file."""
    with av.open(str(path)) as container:
        return sum(packet.is_keyframe for packet in container.demux(video=0) if packet.pts is not None)


def worker_pid(show: LiveShow, word: str) -> int:
    """Return the child of the show that has loaded a library whose path contains `word`."""
    children = Path(f"/proc/{show.process.pid}/task/{show.process.pid}/children").read_text().split()
    for child in map(int, children):
        maps = Path(f"/proc/{child}/maps").read_text()
        if word in maps:
            return child
    raise AssertionError(f"no child of the show has loaded {word}: {children}")


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed")
def test_a_show_streams_and_records_while_outputs_are_switched(stage: Stage, tmp_path: Path) -> None:
    port = free_udp_port()
    listener = stage.listener(f"udp://127.0.0.1:{port}", tmp_path / "udp.ts", seconds=6)
    outs = ["--out", f"stream:udp://127.0.0.1:{port}", "--out", "camera:/dev/none"]
    show = stage.show(*outs, "--recordings", str(tmp_path / "sets"), "--duration", "60")
    show.wait_for(lambda: (tmp_path / "udp.ts").exists(), "the stream")
    show.osc("/record/start")
    show.wait_for(lambda: listener.poll() is not None, "six seconds of the stream")
    show.osc("/record/stop")
    show.osc("/out/stream", "i", "0")
    time.sleep(1.0)
    show.end()
    assert listener.returncode == 0 and abs(check(tmp_path / "udp.ts", 5.0)) < 3 * TOGETHER  # beside other tests
    stats = show.stats()
    stream, camera = stats["outs"]
    assert (stream["state"], camera["state"]) == ("off", "waiting")
    assert "there is no /dev/none" in camera["message"] and "out camera: camera: there is no" in show.log()
    (recording,) = stats["recordings"]
    assert stream["encoded"] > 0
    assert read_film(Path(recording["path"])).seconds == pytest.approx(recording["seconds"], abs=0.5)


@pytest.mark.slow
def test_rtmp_goes_on_when_the_listener_is_killed_and_comes_back(stage: Stage, tmp_path: Path) -> None:
    port = free_tcp_port()
    url = f"rtmp://127.0.0.1:{port}/live/secret"
    first, second = tmp_path / "first.ts", tmp_path / "second.ts"
    listener = stage.listener(url, first, "-listen", "1")
    show = stage.show("--out", f"stream:{url}", "--duration", "120")
    show.wait_for(lambda: first.exists() and first.stat().st_size > 100_000, "the stream")
    time.sleep(20.0)
    listener.kill()
    time.sleep(5.0)
    stage.listener(url, second, "-listen", "1")
    back = time.monotonic()
    show.wait_for(lambda: second.exists() and second.stat().st_size > 1000, "the stream again")
    print(f"back after {time.monotonic() - back:.1f} s")
    time.sleep(10.0)
    show.end()
    stats = show.stats()
    assert "secret" not in show.log()
    assert abs(check(first, 18.0)) < TOGETHER and abs(check(second, 8.0)) < TOGETHER
    (stream,) = stats["outs"]
    print(stats["display_fps"], stats["frame_ms"], stream)
    assert stats["stalls"] == 0


@pytest.mark.slow
def test_mpeg_ts_over_udp_for_20_s(stage: Stage, tmp_path: Path) -> None:
    port = free_udp_port()
    listener = stage.listener(f"udp://127.0.0.1:{port}", tmp_path / "udp.ts", seconds=20)
    words = ["--out", f"stream:udp://127.0.0.1:{port}", "--record", str(tmp_path / "set.mp4"), "--duration", "60"]
    show = stage.show(*words)
    show.wait_for(lambda: listener.poll() is not None, "20 s of the stream", within=60)
    show.end()
    assert abs(check(tmp_path / "udp.ts", 19.0)) < TOGETHER
    stats, keys = show.stats(), key_frames(tmp_path / "udp.ts")
    print(stats["display_fps"], stats["frame_ms"], f"{keys} key frames", stats["outs"], stats["recordings"])
    assert keys >= 30, "the recorder's pictures were sent: they have a key frame every 0.5 s, the stream's every 2 s"
    assert show.stats()["stalls"] == 0


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("NDIlib") is None, reason="ndi-python is not installed")
def test_two_outputs_cost_the_display_nothing_and_neither_does_one_that_is_stopped(
    stage: Stage, tmp_path: Path
) -> None:
    alone = stage.show("--duration", "20")
    alone.gone(time.monotonic())
    before = alone.stats()
    port = free_udp_port()
    two = ["--out", f"stream:udp://127.0.0.1:{port}", "--out", f"ndi:name=test-{os.getpid()}"]
    beside = stage.show(*two, "--duration", "20")
    beside.gone(time.monotonic())
    both = beside.stats()
    stopped = stage.show(*two, "--duration", "20")
    stopped.wait_until_drawing()
    time.sleep(3.0)
    os.kill(worker_pid(stopped, "libndi"), signal.SIGSTOP)
    stopped.gone(time.monotonic())
    hung = stopped.stats()
    for stats in (before, both, hung):
        print(stats["display_fps"], stats["stalls"], stats["frame_ms"], stats["frames_generated"], stats["outs"])
    assert both["stalls"] == hung["stalls"] == 0
    assert both["display_fps"] > 0.95 * before["display_fps"] and hung["display_fps"] > 0.95 * before["display_fps"]
    assert all(out["state"] == "running" and out["sent"] > 300 for out in both["outs"])
    assert hung["outs"][1]["restarts"] == 1 and "its process stalled" in stopped.log()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("NDIlib") is None, reason="ndi-python is not installed")
def test_two_outputs_and_a_source_cost_the_display_nothing(stage: Stage, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=4", str(clip)]
    subprocess.run(made, check=True, timeout=30)
    alone = stage.show("--duration", "20")
    alone.gone(time.monotonic())
    before = alone.stats()
    two = ["--out", f"stream:udp://127.0.0.1:{free_udp_port()}", "--out", f"ndi:name=test-{os.getpid()}"]
    beside = stage.show(*two, "--picture", f"video:{clip}", "--strength", "0.5", "--duration", "20")
    beside.gone(time.monotonic())
    all_three = beside.stats()  # in the place of those before
    for stats in (before, all_three):
        print(stats["display_fps"], stats["stalls"], stats["frame_ms"], stats["frames_generated"], stats["outs"])
    assert all_three["stalls"] == 0 and all_three["display_fps"] > 0.95 * before["display_fps"]
