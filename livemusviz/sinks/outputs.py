"""All outputs of a show as one thing, used on the main thread: switches them, hands canvases out, tells their state.

Pictures are written once into shared memory, however many sinks read them; nothing here waits for a sink.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from livemusviz.bridge.canvas_ring import CanvasRing
from livemusviz.bridge.notices import Notices
from livemusviz.bridge.outputs import CanvasTexture, OutputStatus
from livemusviz.bridge.packets import EncodedPicture, PacketRing
from livemusviz.bridge.spawned import MessagePipe
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import Clock
from livemusviz.errors import UserError
from livemusviz.record.settings import Effort
from livemusviz.sinks.protocol import SinkWiring
from livemusviz.sinks.spec import SinkSpec, bit_rate
from livemusviz.sinks.textures import TextureOutput
from livemusviz.sinks.worker import SinkWorker

RECORDED_FPS = 30  # of a recording
PATIENCE = 1.0  # s for all processes to end, at the end of the show


class Outputs:
    """From `start` to `close`: `step` once a display frame, `put` and `put_texture` for each canvas that is wanted.

    specs : what was asked for.  size : (width, height) of the canvas, pixels: that of every output, whatever becomes
    of the windows.  effort : of an encoder on the CPU.  shares : the recorder records the canvas too, so that streams
    may take its encoded pictures.
    """

    def __init__(
        self,
        specs: Sequence[SinkSpec],
        size: tuple[int, int],
        clock: Clock,
        notices: Notices,
        effort: Effort | None = None,
        shares: bool = False,
    ) -> None:
        self.specs = tuple(specs)
        self._size, self._clock, self._effort = size, clock, effort or Effort()
        self._textures = [TextureOutput(spec, notices, clock) for spec in self.specs if spec.on_gpu]
        self._notices = notices
        self._workers: list[SinkWorker] = []
        self._ring: CanvasRing | None = None
        self._on = {spec.name: spec.on for spec in self.specs}
        self._sound: Callable[[], str] = str
        self._shares, self._packets_lock = shares, threading.Lock()
        self._packets: PacketRing | None = None
        self._last: tuple[OutputStatus, ...] | None = None

    @property
    def fps(self) -> int:
        """Return the highest rate of pictures that a sink asks for."""
        return max([30, *(spec.fps for spec in self.specs if not spec.on_gpu)])

    def start(self, sound: Callable[[], str]) -> None:
        """Make the memory for pictures. sound : the name of the ring with the sound's blocks, "" while there is none.

        UserError if there is too little memory.
        """
        self._sound = sound
        specs = [spec for spec in self.specs if not spec.on_gpu]
        if not specs:
            return
        try:
            self._ring = CanvasRing.create(self._size)
        except OSError as error:
            raise UserError(f"--out: {error.strerror or error}; give a smaller --canvas or fewer outputs") from None
        if self._shares and any(shared_rate(spec, self._size) is not None for spec in specs):
            self._packets = PacketRing()
        self._workers = [SinkWorker(spec, self._wire, self._notices) for spec in specs]

    def step(self, now: float, switches: Mapping[str, object]) -> None:
        """Switch and look after every output at `now`, s. switches : by name, as `out/<name>`."""
        for output in self._all:
            on = bool(switches.get(f"out/{output.spec.name}", output.spec.on))
            self._on[output.spec.name] = on
            output.poll(now, on)

    @property
    def wants_pictures(self) -> bool:
        """Return True if a process waits for pictures: it saves reading the canvas back."""
        return any(worker.wants_pictures for worker in self._workers)

    def put(self, picture: CanvasPicture) -> None:
        """Hand a canvas to every process."""
        if self._ring is not None and self.wants_pictures:
            self._ring.write(picture)

    @property
    def wants_textures(self) -> bool:
        """Return True if there are sinks of textures."""
        return bool(self._textures)

    def put_texture(self, canvas: CanvasTexture) -> None:
        """Hand a canvas to every sink of textures, in the context that has drawn it."""
        for output in self._textures:
            output.send(canvas)

    @property
    def statuses(self) -> tuple[OutputStatus, ...]:
        """Return the state of every output, in the order in which they were asked for; after `close` the last one."""
        if self._last is not None:
            return self._last
        found = {output.spec.name: output.status for output in self._all}
        return tuple(found.get(spec.name, OutputStatus(spec.name, spec.kind, spec.target)) for spec in self.specs)

    @property
    def pids(self) -> Mapping[str, int]:
        """Return the processes there are, by the names of their outputs."""
        return {worker.spec.name: worker.pid for worker in self._workers if worker.pid is not None}

    def close(self) -> None:
        """End every output, within about a second. May be called twice."""
        self._last = self.statuses
        now = self._clock.now()
        for worker in self._workers:
            worker.ask_to_end(now)
        for worker in self._workers:
            worker.close(now, max(0.0, now + PATIENCE - self._clock.now()))
        for output in self._textures:
            output.close()
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        with self._packets_lock:
            packets, self._packets = self._packets, None
            if packets is not None:
                packets.close()

    @property
    def _all(self) -> Sequence[SinkWorker | TextureOutput]:
        return [*self._workers, *self._textures]

    @property
    def shared_limit(self) -> int | None:
        """Return the bits/s of the slowest stream that could take the recorder's pictures; None without one."""
        if self._packets is None:
            return None
        rates = [
            rate
            for worker in self._workers
            if self._on[worker.spec.name] and (rate := shared_rate(worker.spec, self._size)) is not None
        ]
        return min(rates, default=None)

    def put_packet(self, picture: EncodedPicture) -> None:
        """Hand a picture that the recorder has encoded to the streams. On the recorder's thread."""
        with self._packets_lock:
            if self._packets is not None:
                self._packets.write(picture)

    def _wire(self, spec: SinkSpec, status: str, pipe: MessagePipe) -> SinkWiring:
        if self._ring is None:
            raise RuntimeError("outputs that were not started have no processes")
        packets = "" if self._packets is None or shared_rate(spec, self._size) is None else self._packets.name
        return SinkWiring(spec, self._size, self._ring.name, self._sound(), status, pipe, packets, self._effort)


def shared_rate(spec: SinkSpec, size: tuple[int, int]) -> int | None:
    """Return the bits/s of a stream that can take the recorder's pictures, which come at the same rate; else None."""
    return bit_rate(spec, size) if spec.kind == "stream" and spec.fps == RECORDED_FPS else None
