"""Plays a sound file in real time. A thread decodes it; blocks go out on PortAudio's output thread if speakers play the
file, else on a thread that keeps absolute deadlines.

Out: as from a device, float32 (HOP, 2) at SAMPLE_RATE. Memory does not depend on the file's length.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from livemusviz.audio.devices import load_portaudio, quiet_stderr
from livemusviz.audio.spec import Sink
from livemusviz.audio.track import Track, TrackReader, probe
from livemusviz.bridge.sound import CHANNELS, HOP, SAMPLE_RATE
from livemusviz.errors import UserError

AHEAD = 96  # hops decoded ahead: half a second
HOP_SECONDS = HOP / SAMPLE_RATE


def hops(path: Path, resume: float = 0.0, loop: bool = False) -> Iterator[np.ndarray]:
    """Yield the file as float32 (HOP, 2) at SAMPLE_RATE, from `resume` seconds on; the last hop is filled up with
    silence.

    UserError from `probe`, or if nothing in it can be decoded.
    """
    track = probe(path)
    begin = resume % track.seconds if loop and track.seconds else resume
    skip = round(begin * SAMPLE_RATE)  # samples
    rest = np.zeros((0, CHANNELS), np.float32)
    for block in _blocks(track, loop):
        late = block[skip:]
        skip = max(0, skip - len(block))
        rest = np.concatenate([rest, late])
        whole = len(rest) // HOP * HOP
        yield from rest[:whole].reshape(-1, HOP, CHANNELS)
        rest = rest[whole:]
    if len(rest):
        yield np.pad(rest, ((0, HOP - len(rest)), (0, 0)))


def _blocks(track: Track, loop: bool) -> Iterator[np.ndarray]:
    while True:
        yield from TrackReader(track).blocks()
        if not loop:
            return


class FileSource:
    """Plays a file into the sink. Silence follows its end (without `loop`), and precedes `play` (with `held`)."""

    rate = float(SAMPLE_RATE)
    settle = 0.0

    def __init__(
        self, path: Path, resume: float = 0.0, loop: bool = True, speakers: bool = True, held: bool = False
    ) -> None:
        """UserError as from `probe`."""
        probe(path)
        self.name = path.name
        self.ended = False
        self.late = 0  # hops that were not decoded in time, and went out as silence
        self._hops = hops(path, resume, loop)
        self._ready: queue.Queue[np.ndarray | None] = queue.Queue(AHEAD)
        self._closing = threading.Event()
        self._held = held
        self._output: Any | None = None
        self._speakers = speakers
        self._sink: Sink | None = None
        self._threads = [threading.Thread(target=self._decode, name="decoder", daemon=True)]

    def start(self, sink: Sink) -> None:
        self._sink = sink
        self._threads[0].start()
        self._output = self._open_output() if self._speakers else None
        if self._output is None:
            self._threads.append(threading.Thread(target=self._keep_time, name="file", daemon=True))
            self._threads[1].start()

    def play(self) -> None:
        """Let the file begin. Any thread; harmless if it plays already."""
        self._held = False

    def alive(self) -> bool:
        return self._output is None or bool(self._output.active)

    def remark(self) -> str:
        return f"{self.name} has ended" if self.ended else ""

    def close(self) -> None:
        self._closing.set()
        if self._output is not None:
            self._output.abort(ignore_errors=True)
            self._output.close(ignore_errors=True)
        with suppress(queue.Empty):
            self._ready.get_nowait()  # lets a decoder go that waits for room
        for thread in self._threads:
            thread.join(0.5)

    def _decode(self) -> None:
        try:
            for hop in self._hops:
                self._ready.put(hop)
                if self._closing.is_set():
                    return
        except UserError:
            pass  # nothing in it can be decoded, or it is gone by now: ends here
        finally:
            if not self._closing.is_set():
                self._ready.put(None)

    def _next(self, patience: float) -> np.ndarray:
        """Return the hop that is due; silence after the end, or if the decoder is behind for more than `patience`
        seconds."""
        silence = np.zeros((HOP, CHANNELS), np.float32)
        if self.ended or self._held:
            return silence
        try:
            hop = self._ready.get(timeout=patience) if patience else self._ready.get_nowait()
        except queue.Empty:
            self.late += 1
            return silence
        self.ended = hop is None
        return silence if hop is None else hop

    def _keep_time(self) -> None:
        """Send each hop when its last sample is due."""
        began = time.perf_counter()
        count = 0
        while self._sink is not None:
            hop = self._next(patience=0.1)
            due = began + (count + 1) * HOP_SECONDS
            if self._closing.wait(max(0.0, due - time.perf_counter())):
                return
            self._sink(hop, due - HOP_SECONDS, False)
            count += 1

    def _open_output(self) -> Any | None:
        """Return the speakers, already playing; None where there are none."""
        portaudio = load_portaudio()
        if portaudio is None:
            return None
        try:
            with quiet_stderr():
                stream = portaudio.OutputStream(
                    samplerate=SAMPLE_RATE,
                    blocksize=HOP,
                    channels=CHANNELS,
                    dtype="float32",
                    latency="low",
                    callback=self._play,
                )
                stream.start()
        except (portaudio.PortAudioError, ValueError):
            return None
        return stream

    def _play(self, out: np.ndarray, frames: int, when: Any, status: Any) -> None:
        hop = self._next(patience=0.0)
        out[:] = hop
        if self._sink is not None:
            self._sink(hop, time.perf_counter() - HOP_SECONDS, False)
