"""Feeds sinks in tests: pictures and sound on a clock of their own, flash and click in the middle of every second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE, AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.sinks.protocol import PictureSink, SinkWiring
from livemusviz.sinks.spec import parse_out

SIZE = (160, 90)
START = 100.0  # s
FPS = 30
FLASH = 3  # pictures
LATE = 0.02  # s from a moment to its picture and sound here


def wiring(out: str, size: tuple[int, int] = SIZE) -> SinkWiring:
    return SinkWiring(parse_out(out), size, "", "", "", None)


def flat(level: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((size[1], size[0], 4), (level, level, level, 255), np.uint8)


def feed(sink: PictureSink, seconds: float, tick: Callable[[float], object] = lambda now: None) -> None:
    """Open the sink, let `seconds` pass, close it. tick : called with the time of each block."""
    sink.open(START)
    shown = 0
    for index in range(int(seconds * SAMPLE_RATE / HOP)):
        time = START + index * HOP / SAMPLE_RATE
        sink.hear([block(index)], time + LATE)
        while START + shown / FPS <= time:
            light = 255 if 0 <= shown % FPS - FPS // 2 < FLASH else 0
            sink.send(CanvasPicture(flat(light), START + shown / FPS), time + LATE)
            shown += 1
        tick(time)
    sink.close()


def block(index: int) -> AudioBlock:
    """Return a block of sound; in the middle of each second a click of 5 ms begins."""
    samples = np.zeros((HOP, 2), np.float32)
    clock = (index * HOP + np.arange(HOP) + SAMPLE_RATE // 2) % SAMPLE_RATE
    samples[clock < SAMPLE_RATE // 200] = 0.8
    return AudioBlock(START + index * HOP / SAMPLE_RATE, index * HOP, samples)


def flashes(pictures: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return when it gets light, s. pictures : uint8 (n, h, w, 3)."""
    light = pictures.mean(axis=(1, 2, 3)) > 128
    return times[light & ~np.concatenate([[False], light[:-1]])]


def click_times(sound: np.ndarray) -> np.ndarray:
    """Return when clicks begin, s. sound : float32 (samples, 2) at 48 kHz."""
    loud = np.flatnonzero(np.abs(sound).max(axis=1) > 0.3)
    first = loud[np.concatenate([[True], np.diff(loud) > SAMPLE_RATE // 4])] if len(loud) else loud
    return first / SAMPLE_RATE


def offsets(lit: Sequence[float] | np.ndarray, heard: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return how much later each flash is than the click next to it, s."""
    heard = np.asarray(heard)
    return np.array([time - heard[np.abs(heard - time).argmin()] for time in lit])
