"""Runs the audio process. Its main thread opens the source, watches it, and reports; the sound itself goes from the
callback (audio/loop.py) through the ring of blocks to the features thread (features/loop.py).

It ends by itself when the source is lost or the show is gone; the show starts another.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from livemusviz.audio.devices import input_devices, refresh_devices
from livemusviz.audio.loop import Capture, Health
from livemusviz.audio.pace import Pace
from livemusviz.audio.source import Source, open_source
from livemusviz.audio.spec import Answer, AudioControl, AudioSpec, AudioWiring, Inputs, pack_audio_status
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.ring import RingReader, SharedRing
from livemusviz.bridge.sound import HOP, AudioStatus
from livemusviz.errors import UserError
from livemusviz.features.hop import unpack_block
from livemusviz.features.loop import FeaturesLoop
from livemusviz.names import numbered
from livemusviz.platforms import raise_process_priority

log = logging.getLogger(__name__)

LOOK = 0.05  # s between looks at the source
SILENT_REOPEN = 2.0  # s of perfect zeros, after which the device is opened once more
SILENT_TELL = 5.0  # s of perfect zeros, after which a remark is made
OVERFLOWS = 10  # overflows a second, after which the device is opened with more latency
MOST_INPUTS = 64  # listed for the show
NICENESS = -11  # as PulseAudio asks for itself; refused without the right to it


def run(wiring: AudioWiring) -> None:
    """Capture until the source is lost. The exit status is 0 after a report of the reason."""
    sys.setswitchinterval(0.0005)
    gc.disable()  # nothing here makes cycles, and a collection would hold the callback up
    raise_process_priority(NICENESS)
    with ExitStack() as stack:
        rings = [SharedRing.attach(name) for name in wiring.rings]
        for ring in rings:
            stack.callback(ring.close)
        session = CaptureSession(wiring, *rings)
        try:
            session.listen()
        except UserError as error:
            session.report("lost", str(error))


class CaptureSession:
    """One life of the audio process. Its counts start where the last life's ended: the rings remember."""

    def __init__(
        self, wiring: AudioWiring, blocks: SharedRing, features: SharedRing, status: SharedRing, control: SharedRing
    ) -> None:
        self._wiring, self._blocks, self._status, self._control = wiring, blocks, status, control
        self._features = FeaturesLoop(blocks, features, _onsets_so_far(features), wiring.spec.onset)
        self._controls: RingReader = control.reader()
        self._name = ""
        self._overflows = 0
        self._steady = wiring.steady
        self._spec = wiring.spec
        self._sounded = wiring.sounded
        self._reopened = False  # for perfect silence; once is enough
        self._request: tuple[int, str] | None = None  # number and input
        self._stale = False  # PortAudio's list of devices may be out of date
        self._pace = Pace()

    def listen(self) -> None:
        """Open, watch, reopen where that may help. Returns when the source is lost, or the show."""
        self._features.start()
        try:
            again = True
            while again:
                source = self._open()
                try:
                    again = self._watch(source)
                finally:
                    source.close()
        finally:
            self._features.close()  # before the rings are: it reads them

    def _open(self) -> Source:
        """Return the input that was asked for last, or else the one there was. UserError if that cannot be opened
        either."""
        self._pace.restart()
        if self._stale:
            self._stale = False
            refresh_devices()
        if self._asked() and self._request is not None:
            number, text = self._request
            self._request = None
            wanted = replace(self._spec, input=text, wide=False)
            try:
                source = open_source(wanted, self._wiring.resume, self._steady)
            except UserError as error:
                self._say(Answer(number, str(error)))
            else:
                self._spec, self._reopened, self._sounded = wanted, False, False
                self._say(Answer(number, ""))
                self._tell_inputs()
                return source
        source = open_source(self._spec, self._wiring.resume, self._steady)
        self._tell_inputs()
        return source

    def _asked(self) -> bool:
        """Return True if another input is requested; the newest request counts."""
        requests = self._wiring.requests
        with suppress(OSError, EOFError):  # the show is gone
            while requests is not None and requests.poll():
                self._request = requests.recv()
        return self._request is not None

    def _say(self, message: Answer | Inputs) -> None:
        if self._wiring.requests is not None:
            with suppress(OSError):
                self._wiring.requests.send(message)

    def _tell_inputs(self) -> None:
        """Send the show the list of inputs."""
        if self._wiring.requests is not None and self._spec.file is None:
            devices = input_devices()
            names = numbered(device.name for device in devices)
            counts = (device.channels for device in devices)
            self._say(Inputs(tuple(zip(names, counts, strict=True))[:MOST_INPUTS]))

    def report(self, state: str, message: str = "", overflows: int = 0) -> None:
        status = AudioStatus(state, self._name, overflows, self._blocks.newest(), 0, message)
        self._status.write(pack_audio_status(status))

    def _watch(self, source: Source) -> bool:
        """Run the source until it is lost or the show is gone (False), or until it should be opened anew (True)."""
        self._name = source.name
        capture = self._capture(source)
        health = capture.health
        self.report("starting", overflows=self._overflows)
        source.start(self._with_bell(capture))
        parent = multiprocessing.parent_process()
        burst = _Rate(OVERFLOWS)
        is_device = self._spec.file is None
        while source.alive():
            time.sleep(LOOK)
            self._take_control(capture, source)
            self._sounded |= health.sounded
            state = "running" if health.blocks else "starting"
            self.report(state, self._remark(source, health), self._overflows + health.overflows)
            if parent is not None and not parent.is_alive():
                return False
            self._stale = self._stale or self._asked()
            if self._stale or (is_device and self._worth_reopening(source, health, burst)):
                self._overflows += health.overflows
                return True
        lost = f"audio input '{source.name}' is gone; looking for it" if is_device else "the speakers are gone"
        self.report("lost", lost, self._overflows + health.overflows)
        return False

    def _remark(self, source: Source, health: Health) -> str:
        """Return a remark for the user, or "". A missing permission gives perfect silence from the start."""
        if health.zeros > SILENT_TELL and self._spec.file is None and not self._sounded:
            return "perfect silence: check the microphone permission and the cable"
        return source.remark()

    def _worth_reopening(self, source: Source, health: Health, burst: _Rate) -> bool:
        """Once for perfect silence, which a fresh stream or more channels may end; once for overflows, with more
        latency; whenever the stream has lost its pace."""
        now = time.perf_counter()
        if health.zeros > SILENT_REOPEN and not self._reopened:
            self._reopened = True
            self._spec = replace(self._spec, wide=True)
            return True
        if burst.exceeded(health.overflows, now) and not self._steady:
            self._steady = True
            return True
        pace = self._pace.wrong(now, health.samples, source.rate)
        if pace is None or health.overflows:  # what the driver lost is missing too
            return False
        self._stale = True
        log.warning("audio input '%s' runs at %.2f of its pace; opening it anew", source.name, pace)
        return True

    def _capture(self, source: Source) -> Capture:
        control = _latest_control(self._control, self._spec)
        self._features.set_sensitivity(control.sensitivity)
        first = _next_sample(self._blocks)
        return Capture(self._blocks.write, source.rate, self._wiring.epoch, first, control.gain, source.settle)

    def _with_bell(self, capture: Capture) -> Callable[[Any, float, bool], None]:
        bell = self._features.bell

        def sink(block: Any, began: float, overflow: bool) -> None:
            capture(block, began, overflow)
            bell.ring()

        return sink

    def _take_control(self, capture: Capture, source: Source) -> None:
        data = self._controls.latest()
        if data is not None:
            control = AudioControl.unpack(data)
            capture.gain = control.gain
            self._features.set_sensitivity(control.sensitivity)
            if control.plays:
                source.play()


class _Rate:
    """Detects that a count grows by more than `limit` a second."""

    def __init__(self, limit: int) -> None:
        self._limit, self._since, self._count = limit, float("-inf"), 0

    def exceeded(self, count: int, now: float) -> bool:
        """Return True if `count` has grown by more than the limit since the last look, at most once a second."""
        if now - self._since < 1.0:
            return False
        grown = count - self._count if self._since > float("-inf") else 0
        self._since, self._count = now, count
        return grown > self._limit


def _newest(ring: SharedRing) -> bytes | None:
    return ring.slot(ring.newest()) if ring.newest() else None


def _next_sample(blocks: SharedRing) -> int:
    data = _newest(blocks)
    return unpack_block(data).sample + HOP if data is not None else 0


def _onsets_so_far(features: SharedRing) -> int:
    data = _newest(features)
    return AudioFeatures.unpack(data).onsets if data is not None else 0


def _latest_control(control: SharedRing, spec: AudioSpec) -> AudioControl:
    data = _newest(control)
    return AudioControl.unpack(data) if data is not None else AudioControl(spec.gain, spec.sensitivity, not spec.held)
