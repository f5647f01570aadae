"""Makes the rings of the audio process, spawns and supervises it, and hands over its features and sound.

Runs on the show's main thread (`poll`, `features`, `set_gain`); a `BlockReader` belongs to the thread that reads it.
Imports neither sounddevice nor aubio, so that no audio library is ever loaded beside mlx.
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
from dataclasses import replace

from livemusviz.audio.requests import InputRequests
from livemusviz.audio.rings import AudioRings
from livemusviz.audio.spec import CONTROL, AudioControl, AudioSpec, AudioWiring, unpack_audio_status
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.ring import RingReader, SharedRing
from livemusviz.bridge.sound import SAMPLE_RATE, AudioBlock, AudioStatus
from livemusviz.bridge.spawned import SpawnedProcess
from livemusviz.bridge.supervise import LOST, STARTING, Patience, Supervisor
from livemusviz.clock import Clock
from livemusviz.errors import UserError
from livemusviz.features.decay import decayed
from livemusviz.features.hop import read_blocks

__all__ = ["AudioHost", "AudioSpec", "BlockReader"]

log = logging.getLogger(__name__)

QUIET = 0.1  # s without news, after which the features fade
STALLED = 1.0  # s without a block, after which the process is started anew; a busy machine may hold it up for less
STEADY_AFTER = 50  # overflows in one life of the process, after which the next asks for more latency
END_PATIENCE = 0.5  # s


class BlockReader:
    """Hands over the blocks of sound captured since the last `read`, each once. For one thread."""

    def __init__(self, host: AudioHost) -> None:
        self._host = host
        self._reader: RingReader | None = None

    def read(self) -> list[AudioBlock]:
        """Return new blocks, oldest first; empty before the host's start and after its end."""
        return self._host.read_blocks(self)

    def drain(self, ring: SharedRing) -> list[AudioBlock]:
        """Called by the host while it keeps the ring open."""
        if self._reader is None:
            self._reader = ring.reader()
        return read_blocks(self._reader)

    @property
    def dropped(self) -> int:
        """Blocks overwritten before they were read."""
        return self._reader.dropped if self._reader is not None else 0


class AudioHost:
    """Runs the audio process. `start` it before mlx is imported, `poll` it each display frame, `close` it."""

    def __init__(self, spec: AudioSpec, clock: Clock, epoch: float) -> None:
        """epoch : s on the clock, time of sample 0."""
        self.spec, self.clock, self.epoch = spec, clock, epoch
        self.blocks = BlockReader(self)
        self._control = AudioControl(spec.gain, spec.sensitivity, not spec.held)
        self._rings: AudioRings | None = None
        self._lock = threading.Lock()  # between closing the rings and reading them
        self._supervisor = Supervisor(self._spawn, patience=Patience(stalled=STALLED))
        self._process: SpawnedProcess | None = None
        self._last = AudioFeatures.rest(epoch)
        self._news = epoch  # s; when features last came
        self._sounding_since: float | None = None
        self._child = AudioStatus()
        self._past_overflows = 0
        self._sounded = False  # there was sound in some life of the process
        self._said = ""  # the last remark that was logged
        self._requests = InputRequests(spec.input)

    def start(self) -> None:
        """Spawn the process. UserError if the input is a file that cannot be played; a missing device is no error."""
        if self.spec.file is not None:
            from livemusviz.audio.file import probe

            probe(self.spec.file)
        self._rings = AudioRings(CONTROL.size)
        self._supervisor.begin(self.clock.now())

    def poll(self) -> None:
        """Look after the process: cheap, for every display frame."""
        if self._rings is None:
            return
        data = self._rings.status_reader.latest()
        if data is not None:
            self._child = unpack_audio_status(data)
        before = self._supervisor.state
        now = self.clock.now()
        blocks = self._rings.blocks.newest()
        state = self._supervisor.poll(now, blocks)
        if blocks and self._sounding_since is None:
            self._sounding_since = now
        changed = self._requests.take_answers()
        if changed is not None:
            self.spec = replace(self.spec, input=changed)
        message = self.status.message
        if state != before or message != self._said:
            self._said = message
            text = message or f"audio {state}: {self._child.device}"
            log.log(logging.WARNING if state == LOST else logging.INFO, "%s", text)

    def features(self) -> list[AudioFeatures]:
        """Return the features since the last call, oldest first.

        While none arrive: one decaying `AudioFeatures` a call.
        """
        now = self.clock.now()
        found = []
        while self._rings is not None and (data := self._rings.feature_reader.read()) is not None:
            found.append(AudioFeatures.unpack(data))
        if found:
            self._sounded = self._sounded or any(each.rms > 0.0 for each in found)
            self._last, self._news = found[-1], now
            return found
        return [self.latest()] if now - self._news > QUIET else []

    def latest(self) -> AudioFeatures:
        """Return the newest features; faded towards rest if they are old."""
        now = self.clock.now()
        if now - self._news <= QUIET:
            return self._last
        return decayed(self._last, now, max(self._last.sample, round((now - self.epoch) * SAMPLE_RATE)))

    @property
    def block_ring(self) -> str:
        """Return the name of the ring of blocks, for readers in other processes; "" while there is none."""
        return "" if self._rings is None else self._rings.blocks.name

    def block_reader(self) -> BlockReader:
        """Return a reader of its own for another thread; it starts with what is captured after its first `read`."""
        return BlockReader(self)

    def read_blocks(self, reader: BlockReader) -> list[AudioBlock]:
        """Return what `BlockReader.read` returns."""
        with self._lock:
            return reader.drain(self._rings.blocks) if self._rings is not None else []

    @property
    def status(self) -> AudioStatus:
        """Return the state of the audio side, for stats and the HUD."""
        state = self._supervisor.state
        message = self._child.message
        if state == LOST and not message:
            message = f"audio input lost (the process {self._supervisor.reason}); opening it again"
        return replace(
            self._child,
            state=state,
            message=message if state != STARTING else message or "opening the audio input",
            restarts=self._supervisor.restarts,
            overflows=self._past_overflows + self._child.overflows,
            blocks=self._rings.blocks.newest() if self._rings is not None else self._child.blocks,
        )

    def set_gain(self, gain: float) -> None:
        """Linear gain on every sample from the next block or so on."""
        self._change(replace(self._control, gain=gain))

    def set_sensitivity(self, sensitivity: float) -> None:
        """Divide the thresholds of onsets by `sensitivity`, > 0, from the next hops on."""
        self._change(replace(self._control, sensitivity=sensitivity))

    def play(self) -> None:
        """Let a held file begin, within some 0.05 s. May be called again."""
        if not self._control.plays:
            self._sounding_since = self.clock.now()
            self._change(replace(self._control, plays=True))

    def _change(self, control: AudioControl) -> None:
        if control != self._control:
            self._control = control
            if self._rings is not None:
                self._rings.control.write(control.pack())

    def set_input(self, text: str) -> None:
        """Ask for another device or other channels of it; "" is the input that the show began with.

        If it cannot be opened, `take_refusal` returns the reason and the old input goes on. UserError for a file: a
        controller may not choose files from the disk.
        """
        text = text or self._requests.first
        if text != self._requests.first and replace(self.spec, input=text).file is not None:
            raise UserError("input: a file is given on the command line; send the name of an audio input")
        self._requests.want(text)
        self._supervisor.hurry()

    @property
    def chosen(self) -> str:
        """Return the input that was chosen while the show runs; "" is the one that it began with."""
        return "" if self.spec.input == self._requests.first else self.spec.input

    @property
    def inputs(self) -> tuple[tuple[str, int], ...]:
        """Return the inputs there are by name, with their channels, as the process last listed them."""
        return self._requests.inputs

    def take_refusal(self) -> str:
        """Return why the last request for an input could not be met, once; "" if there is no refusal."""
        return self._requests.take_refusal()

    def close(self) -> None:
        """End the process and let the rings go; at most a second. May be called twice."""
        self._supervisor.stop()
        if self._process is not None:
            self._process.join(END_PATIENCE)
            self._process = None
        self._requests.close()
        with self._lock:
            rings, self._rings = self._rings, None
            if rings is not None:
                self._child = replace(self._child, blocks=rings.blocks.newest())
                rings.close()

    def _spawn(self) -> SpawnedProcess:
        if self._rings is None:
            raise RuntimeError("an audio host that was not started cannot spawn")
        steady = self._child.overflows > STEADY_AFTER
        self._past_overflows += self._child.overflows
        self._child = AudioStatus(message=self._child.message)
        resume = 0.0
        control = self._control
        if self._sounding_since is not None and control.plays:
            resume = self.clock.now() - self._sounding_since
        spec = replace(self.spec, gain=control.gain, sensitivity=control.sensitivity, held=not control.plays)
        ours, theirs = multiprocessing.Pipe()
        wiring = AudioWiring(spec, self.epoch, self._rings.names, resume, steady, self._sounded, theirs)
        self._process = SpawnedProcess("livemusviz.audio.process", wiring, "audio")
        theirs.close()
        self._requests.connect(ours)
        return self._process
