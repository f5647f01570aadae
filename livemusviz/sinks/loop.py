"""The body of a sink's process: pictures and sound from the rings into one sink, until the show closes the pipe.

Whatever fails is reported and tried again after a pause. A library that hangs stops the reports, and the show starts
another process. Times are seconds on the `perf_counter` scale.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial

from livemusviz.bridge.canvas_ring import CanvasReader, CanvasRing
from livemusviz.bridge.outputs import RUNNING, STARTING, WAITING, OutputStatus
from livemusviz.bridge.ring import SharedRing
from livemusviz.bridge.sound import AudioBlock
from livemusviz.bridge.spawned import MessagePipe
from livemusviz.bridge.supervise import Backoff
from livemusviz.clock import Clock, SystemClock
from livemusviz.errors import UserError, one_line
from livemusviz.features.hop import read_blocks
from livemusviz.sinks.open import make_sink
from livemusviz.sinks.protocol import PictureSink, SinkWiring
from livemusviz.sinks.status import pack_output_status

log = logging.getLogger(__name__)

POLL = 0.005  # s between looks at the rings
REPORT = 0.1  # s between reports
PAUSES = (0.5, 1.0, 1.5, 2.0, 2.0, 5.0)  # s between attempts
SLOT_OFFSET = 0.25  # of a picture's time: canvases at this or twice this rate then lie away from a slot's ends
HEALTHY = 5.0  # s after which the pauses begin anew


def run(wiring: SinkWiring) -> None:
    """Feed the sink until the pipe closes."""
    with ExitStack() as stack:
        pictures = CanvasRing.attach(wiring.pictures)
        stack.callback(pictures.close)
        status = SharedRing.attach(wiring.status)
        stack.callback(status.close)
        blocks: Callable[[], list[AudioBlock]] | None = None
        if wiring.sound:
            ring = SharedRing.attach(wiring.sound)
            stack.callback(ring.close)
            blocks = partial(read_blocks, ring.reader())
        feed = SinkFeed(wiring, CanvasReader(pictures), blocks, lambda data: status.write(data), SystemClock())
        stack.callback(feed.close)
        while not _ended(wiring.pipe):
            feed.step()


def _ended(pipe: MessagePipe) -> bool:
    """Wait a moment. True if the show has closed its end, or is gone."""
    try:
        return pipe.poll(POLL)
    except OSError:
        return True


class SinkFeed:
    """Feeds one sink; `step` as often as there may be something new."""

    def __init__(
        self,
        wiring: SinkWiring,
        pictures: CanvasReader,
        blocks: Callable[[], list[AudioBlock]] | None,
        report: Callable[[bytes], object],
        clock: Clock,
    ) -> None:
        """blocks : returns those since the last call; None without sound.  report : takes a packed status."""
        spec = wiring.spec
        self._wiring, self._pictures, self._blocks, self._report, self._clock = wiring, pictures, blocks, report, clock
        self._sink: PictureSink | None = None
        self._backoff = Backoff(PAUSES)
        self._opened = self._next_try = self._next_report = float("-inf")
        self._slot = -1  # of the sink's own rate
        self.status = OutputStatus(spec.name, spec.kind, spec.target, STARTING)

    def step(self) -> None:
        """Open the sink if it is time, or send what is new; report."""
        now = self._clock.now()
        picture = self._pictures.newest()
        blocks = [] if self._blocks is None else self._blocks()
        try:
            if self._sink is None:
                if now >= self._next_try:
                    self.status = replace(self.status, state=STARTING)
                    self._tell(now, force=True)  # that this process is alive, before a call that may hang
                    self._open(now)
            else:
                if picture is not None and self._due(picture.time):
                    self._sink.send(picture, now)
                    self.status = replace(self.status, sent=self.status.sent + 1)
                self._sink.hear(blocks, now)
        except Exception as error:  # of a library, or of the network
            self._fail(error, now)
        self._tell(now)

    def close(self) -> None:
        """End the sink in good order."""
        sink, self._sink = self._sink, None
        if sink is not None:
            with suppress(Exception):
                sink.close()

    def _open(self, now: float) -> None:
        sink = make_sink(self._wiring)
        try:
            sink.open(now)
        except BaseException:
            with suppress(Exception):
                sink.close()
            raise
        self._sink, self._opened, self._slot = sink, now, -1
        self.status = replace(self.status, state=RUNNING, message="")

    def _due(self, time: float) -> bool:
        slot = int(time * self._wiring.spec.fps + SLOT_OFFSET)
        due, self._slot = slot != self._slot, slot
        return due

    def _fail(self, error: Exception, now: float) -> None:
        if now - self._opened > HEALTHY and self._sink is not None:
            self._backoff.reset()
        self.close()
        if not isinstance(error, OSError | UserError) and not hasattr(error, "strerror"):
            log.warning("out %s", self.status.name, exc_info=error)  # PyAV's, with a strerror, would tell the address
        self._next_try = now + self._backoff.next()
        self.status = replace(self.status, state=WAITING, message=_reason(error))
        self._next_report = now  # it was told that the sink opens; that it did not is told at once

    def _tell(self, now: float, force: bool = False) -> None:
        if not force and now < self._next_report:
            return
        self._next_report = now + REPORT
        encoded = self.status.encoded if self._sink is None else self._sink.encoded
        self.status = replace(self.status, dropped=self._pictures.dropped, encoded=encoded)
        self._report(pack_output_status(self.status))


def _reason(error: Exception) -> str:
    """Return a library's message on one line. PyAV's errors name the address, and with it a stream's key: left out."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return one_line(text)
