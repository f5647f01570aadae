"""NDI with its own runtime: a sender here, a receiver of the same library in another process."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.bridge.view import CanvasPicture
from livemusviz.errors import UserError
from livemusviz.sinks.spec import parse_out
from tests.sinks.feeding import FLASH, FPS, SIZE, START, block, flat

if importlib.util.find_spec("NDIlib") is None:
    pytest.skip("ndi-python is not installed: pip install 'livemusviz[ndi]'", allow_module_level=True)

from livemusviz.sinks.ndi import NdiSink, keyed

SECONDS = 1.5  # of pictures and of sound that the receiver takes


def receiver(name: str, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, str(Path(__file__).with_name("ndi_receiver.py")), name, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def send_until(sink: NdiSink, listener: "subprocess.Popen[str]", most: float = 100.0) -> None:
    """Send pictures and sound in real time until the listener has ended, or for `most` s."""
    begun, shown, index = time.monotonic(), 0, 0
    while listener.poll() is None and (passed := time.monotonic() - begun) < most:
        while index * HOP / SAMPLE_RATE < passed:
            sink.hear([block(index)], START + passed)
            index += 1
        while shown / FPS < passed:
            light = 200 if 0 <= shown % FPS - FPS // 2 < FLASH else 0
            sink.send(CanvasPicture(flat(light), START + shown / FPS), START + passed)
            shown += 1
        time.sleep(0.004)


@pytest.fixture
def sink() -> NdiSink:
    return NdiSink(parse_out(f"ndi:name=test-{os.getpid()},alpha=luma"), SIZE)


def test_another_process_finds_the_sender_and_gets_pictures_alpha_and_sound(sink: NdiSink) -> None:
    sink.open(START)
    listener = receiver(f"test-{os.getpid()}", SECONDS)
    send_until(sink, listener)
    sink.close()
    out, errors = listener.communicate(timeout=5)
    assert listener.returncode == 0, errors
    got = json.loads(out)
    pictures = got["pictures"]
    assert len(pictures) >= 30 * SECONDS and all(each["size"] == list(SIZE) for each in pictures)
    lit = [each for each in pictures if each["pixel"][3] > 100]
    assert lit and all(each["pixel"][3] == pytest.approx(200, abs=3) for each in lit), "alpha is the light"
    assert all(min(each["pixel"][:3]) > 245 for each in lit), "straight, not multiplied"
    assert any(each["pixel"][3] < 5 for each in pictures), "black is clear"
    assert got["samples"] >= SAMPLE_RATE * SECONDS
    first = [each["time"] for before, each in zip(pictures, pictures[1:], strict=False) if _rises(before, each)]
    clicks = np.array(got["clicks"])
    assert first and all(np.abs(clicks - time).min() < 0.04 for time in first), (first, got["clicks"])


def _rises(before: dict[str, list[int]], after: dict[str, list[int]]) -> bool:
    return before["pixel"][3] <= 100 < after["pixel"][3]


def test_a_receiver_that_is_killed_changes_nothing(sink: NdiSink) -> None:
    sink.open(START)
    listener = receiver(f"test-{os.getpid()}", 60.0)
    assert listener.stderr is not None and listener.stdout is not None
    while "connected" not in (line := listener.stderr.readline()):
        assert line, "the receiver ended"
    listener.kill()
    listener.wait(5)
    for index in range(300):
        sink.hear([block(index)], START + index * HOP / SAMPLE_RATE)
        sink.send(CanvasPicture(flat(index % 256), START + index / FPS), START)
    sink.close()
    listener.stderr.close()
    listener.stdout.close()


def test_a_name_that_is_taken_is_told(sink: NdiSink) -> None:
    sink.open(START)
    with pytest.raises(UserError, match="the name may be taken"):
        NdiSink(parse_out(f"ndi:test-{os.getpid()}"), SIZE).open(START)
    sink.close()


def test_a_keyed_picture_over_black_looks_as_before() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40, 4), dtype=np.uint8)
    out = keyed(pixels)
    over_black = out[..., :3].astype(float) * out[..., 3:] / 255
    assert np.abs(over_black - pixels[..., :3]).max() <= 1.5
    assert out.dtype == np.uint8 and not keyed(np.zeros((2, 2, 4), np.uint8)).any()
