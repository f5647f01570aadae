"""Reads blocks from a sound card's input. Opened and watched by the audio process; the blocks come on PortAudio's
thread.

Out, to the sink: float32 (frames, channels) blocks at `rate`, the capture time of their first frame on the
`time.perf_counter` scale, and whether the driver lost sound before it.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

import numpy as np

from livemusviz.audio.choice import CARD, InputDevice, choose_input, ranges
from livemusviz.audio.devices import input_devices, load_portaudio, quiet_stderr
from livemusviz.audio.mixdown import Mixdown
from livemusviz.audio.spec import AudioSpec, Sink
from livemusviz.bridge.sound import CHANNELS, HOP, SAMPLE_RATE
from livemusviz.errors import UserError

MANY = 32  # inputs that only a system's mixer claims to have
MOST = 64  # inputs opened at most
REMARK_AFTER, REMARK_FOR = 5.0, 30.0  # s of sound before a remark on where it is, and for which it is made
LATENCY_MAX = 2.0  # s; a driver that claims more is not believed


class Source(Protocol):
    """Feeds the callback with blocks.

    name : for people.
    rate : of its blocks, Hz.
    settle : s until its clock is exact.
    """

    name: str
    rate: float
    settle: float

    def start(self, sink: Sink) -> None:
        """Begin to call `sink` on a thread of the source's own."""

    def play(self) -> None:
        """Let a held file begin; a sound card is never held."""

    def alive(self) -> bool:
        """False once no more blocks will come."""

    def remark(self) -> str:
        """Return one line for the user, empty if there is nothing to say."""

    def close(self) -> None: ...


def open_source(spec: AudioSpec, resume: float = 0.0, steady: bool = False) -> Source:
    """Return the source that `spec` asks for. UserError if there is no such device or file, or if it cannot be opened.

    resume : s into a file.  steady : open a device with its high latency instead of its low one.
    """
    if spec.file is not None:
        from livemusviz.audio.file import FileSource

        return FileSource(spec.file, resume, spec.loop, spec.speakers, spec.held)
    device, channels = choose_input(spec.input, input_devices())
    return DeviceSource(device, steady, channels, spec.wide)


class DeviceSource:
    """A PortAudio input stream of fixed blocks: HOP frames at SAMPLE_RATE if the device takes that rate."""

    settle = 0.1

    def __init__(
        self, device: InputDevice, steady: bool = False, channels: tuple[int, ...] = (), wide: bool = False
    ) -> None:
        """channels : those to capture, from 1; () is all.  steady, wide : as in `open_source`."""
        portaudio = load_portaudio()
        if portaudio is None:
            raise UserError("the PortAudio library is missing; on Debian install libportaudio2")
        self.name = device.name
        self._sink: Sink | None = None
        self._finished = False
        self._remarked = 0.0  # s for which a remark has been made
        self._captured = 0
        claims = claims_many(device)
        latency = "high" if steady else "low"
        problem: Exception | None = None
        for rate in dict.fromkeys((float(SAMPLE_RATE), device.rate)):
            for opened in _counts(device, channels, claims and not wide):
                try:
                    with quiet_stderr():
                        self._stream = portaudio.InputStream(
                            samplerate=rate,
                            blocksize=max(16, round(HOP * rate / SAMPLE_RATE)),
                            device=device.index,
                            channels=opened,
                            dtype="float32",
                            latency=latency,
                            callback=self._callback,
                            finished_callback=self._finish,
                        )
                except portaudio.PortAudioError as error:
                    problem = error
                    continue
                self.rate = rate
                self._mix = Mixdown(opened, channels, first_pair=claims)
                return
        raise UserError(f"audio input '{device.name}' cannot be opened: {_reason(problem)}")

    def start(self, sink: Sink) -> None:
        self._sink = sink
        self._stream.start()

    def play(self) -> None:
        """Nothing is held back."""

    def alive(self) -> bool:
        return not self._finished and bool(self._stream.active)

    def remark(self) -> str:
        """Return, for a while, which inputs have sound if it is not the expected ones."""
        seconds = self._captured / self.rate
        sounding = self._mix.sounding()
        if seconds < REMARK_AFTER or not sounding or not self._mix.silent():
            self._remarked = seconds
            return ""
        if seconds - self._remarked > REMARK_FOR:
            return ""
        there, chosen = ranges(sounding), self._mix.channels
        if len(chosen) < len(self._mix.peaks):
            return f"inputs {ranges(chosen)} of {self.name} are silent, there is sound on {there}"
        pair = ranges(sounding[:1] if sounding[1:2] != (sounding[0] + 1,) else sounding[:CHANNELS])
        return (
            f"inputs 1-2 of {self.name} are silent, there is sound on {there}: all are mixed; "
            f"--input '{self.name}:{pair}' hears those alone"
        )

    def close(self) -> None:
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)

    def _finish(self) -> None:
        self._finished = True

    def _callback(self, block: np.ndarray, frames: int, when: Any, status: Any) -> None:
        now = time.perf_counter()
        latency = when.currentTime - when.inputBufferAdcTime
        if not 0.0 < latency < LATENCY_MAX or when.inputBufferAdcTime <= 0.0:
            latency = frames / self.rate
        self._captured += frames
        if self._sink is not None:
            self._sink(self._mix(block), now - latency, bool(status.input_overflow))


def claims_many(device: InputDevice) -> bool:
    """Return True if a device is a system's mixer rather than a card: ALSA's plug-ins offer 32 inputs or more,
    whatever is behind them, and repeat two channels on them.
    """
    return sys.platform == "linux" and device.channels >= MANY and CARD.search(device.name) is None


def _counts(device: InputDevice, channels: tuple[int, ...], two: bool) -> list[int]:
    """Return the numbers of inputs to open, in the order to try."""
    if channels:
        return list(dict.fromkeys((min(device.channels, MOST), max(channels))))
    usual = min(device.channels, CHANNELS)
    return [usual] if two else list(dict.fromkeys((min(device.channels, MOST), usual)))


def _reason(problem: Exception | None) -> str:
    """Return the driver's own words, if there are any; they come last in PortAudio's message."""
    words = str(problem).splitlines()[0] if problem and str(problem) else "unknown reason"
    return words.rpartition("'")[0].rpartition("'")[2] or words[:200]
