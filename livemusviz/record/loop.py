"""Runs the recorder thread, which writes the canvas and the sound from `start` to `stop`.

In: canvas pictures by `put`, from the display thread, which never waits for it; audio blocks fetched by `blocks`. Out:
a hybrid MP4. When the encoder cannot keep up, pictures are dropped from the recording and counted. A fault (disk full,
encoder lost) ends the recording, not the show: `status` says so. Times are seconds on the `perf_counter` scale.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from livemusviz.bridge.notices import Notices
from livemusviz.bridge.packets import EncodedPicture
from livemusviz.bridge.sound import AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import Clock
from livemusviz.errors import UserError
from livemusviz.platforms import lower_thread_priority
from livemusviz.record.files import check_room, create_exact, create_labelled, disk_trouble
from livemusviz.record.settings import CODECS, Effort, EncoderSettings
from livemusviz.record.showlog import ShowLog, log_path
from livemusviz.record.timed import StreamEncoder, TimedEncoder

log = logging.getLogger(__name__)

POLL = 0.015  # s between looks at the queues
DISK_PERIOD = 1.0  # s between looks at the disk
MAX_FAULTS = 20  # looks at the queues that fail without a picture in between, after which a recording ends
TAIL_POLLS = 8  # looks for the last blocks of sound after the end
QUEUE_BYTES = 64 << 20  # of pictures waiting
MIN_QUEUE, MAX_QUEUE = 4, 30  # pictures
NOTES = 4096  # lines of the show log that may wait

About = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """Describes the recorder.

    state : "idle", "recording", "finishing" or "error".
    seconds : recorded so far.
    path : of the newest recording, None before the first.
    dropped : pictures left out.
    message : one line for the HUD and OSC when something went wrong, else "".
    """

    state: str = "idle"
    seconds: float = 0.0
    path: Path | None = None
    dropped: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """Holds the result of a recording.

    path : the file.
    seconds : its length, s.
    video_frames : pictures in it.
    dropped : pictures left out.
    error : why it ended by itself or could not be finished, else "".
    """

    path: Path
    seconds: float
    video_frames: int
    dropped: int
    error: str = ""


class PacketTaker(Protocol):
    """Takes the recorder's encoded pictures, for streams that then need no encoder of their own."""

    @property
    def shared_limit(self) -> int | None:
        """Return the bits/s that its streams allow; None without one that could take the recorder's pictures."""

    def put_packet(self, picture: EncodedPicture) -> None:
        """Take a picture. On the recorder's thread; never waits."""


class _Session:
    """Holds the state of one recording that both threads share. `end` is set before `stop`."""

    def __init__(self, path: Path | None, start: float, capacity: int, about: Mapping[str, Any] | None) -> None:
        """path : None until the recorder thread has made the file."""
        self.path, self.start, self.about = path, start, about
        self.notes: deque[tuple[float, Mapping[str, Any]]] = deque(maxlen=NOTES)
        self.end: float | None = None
        self.stop = threading.Event()
        self.pictures: deque[CanvasPicture] = deque(maxlen=capacity)
        self.slot = -1  # grid slot of the last picture put
        self.age = 0.0  # s, how long before it was put that picture's time was
        self.dropped = self.frames = 0
        self.state, self.error = "recording", ""
        self.thread: threading.Thread | None = None
        self.taken = False  # its summary

    @property
    def name(self) -> str:
        return "a recording" if self.path is None else self.path.name


class Recorder:
    """Records one file at a time. `start`, `begin`, `put`, `stop` belong to one thread; `status` may be read by any.

    folder : where labelled recordings go.
    size : (width, height) of the canvas, pixels.
    blocks : returns the audio blocks captured since its last call; called on the recorder thread, while recording.
    fps : of the picture grid.
    open_encoder : makes the encoder of a path; the default is `LiveEncoder`.
    today : returns the date for a file's name.
    about : returns the first line of the show log at each start; None writes no log.
    suffix : of labelled recordings; it names their container.
    effort : of an encoder that runs on the CPU.
    streams : may take the encoded pictures too.
    """

    def __init__(
        self,
        folder: Path,
        size: tuple[int, int],
        clock: Clock,
        blocks: Callable[[], Iterable[AudioBlock]],
        fps: int = 30,
        open_encoder: Callable[[Path], StreamEncoder] | None = None,
        today: Callable[[], datetime] = datetime.now,
        about: About | None = None,
        suffix: str = ".mp4",
        effort: Effort | None = None,
        notices: Notices | None = None,
        streams: PacketTaker | None = None,
    ) -> None:
        self._notices, self._streams = notices or Notices(), streams
        self._folder, self._size, self._fps = folder, size, fps
        self._about, self._suffix, self._effort = about, suffix, effort or Effort()
        self._clock, self._blocks, self._today = clock, blocks, today
        self._open = open_encoder or self._open_hybrid
        self._codecs: tuple[str, ...] = ()
        self._session: _Session | None = None
        self._before: list[_Session] = []  # ended, and not yet taken by `take_finished`
        width, height = size
        self._capacity = min(MAX_QUEUE, max(MIN_QUEUE, QUEUE_BYTES // (width * height * 4)))

    def prepare(self) -> None:
        """Load PyAV and find the encoder (up to 0.5 s), so that `start` does not delay the show. UserError if none."""
        from livemusviz.record.encoder import choose_codec

        try:
            self._codecs = (choose_codec(self._settings(CODECS)),)
        except OSError as error:
            raise UserError(f"cannot record: {error}") from None

    def start(self, target: str | Path = "", overwrite: bool = False) -> Path:
        """Start a recording now and return its path.

        target : a `str` is a label, possibly from the network, and becomes part of a name in `folder`; a `Path` is
        used as it is and must not exist yet unless `overwrite`. UserError if already recording, if the file cannot be
        made, or if the disk has too little room.
        """
        self._refuse_second()
        self.stop()
        if isinstance(target, Path):
            check_room(target.absolute().parent)
            path = create_exact(target, overwrite)
            if overwrite:
                log_path(path).unlink(missing_ok=True)
        else:
            path = self._create(target)
        self._launch(path, "")
        return path

    def begin(self, label: str = "") -> None:
        """Start a recording named after `label` in `folder` without waiting for the disk: for the display thread.

        The recorder thread makes the file, after the recording before is finished; an error there becomes a notice.
        UserError if already recording.
        """
        self._refuse_second()
        self._launch(None, label)

    def _refuse_second(self) -> None:
        if self._session is not None and self.recording:
            raise UserError(f"already recording {self._session.name}; stop it first")

    def _launch(self, path: Path | None, label: str) -> None:
        session = _Session(path, self._clock.now(), self._capacity, self._about() if self._about else None)
        last = self._session
        if last is not None and not last.taken:
            self._before.append(last)
        arguments = (session, label, None if last is None else last.thread)
        session.thread = threading.Thread(target=self._run, args=arguments, name="recorder", daemon=True)
        self._session = session
        session.thread.start()

    def _create(self, label: str) -> Path:
        check_room(self._folder)
        return create_labelled(self._folder, label, self._today(), self._suffix)

    @property
    def recording(self) -> bool:
        session = self._session
        return session is not None and session.state == "recording" and session.end is None

    @property
    def wants_pictures(self) -> bool:
        """Return True if a picture shown now would be a new one on the recording's grid: it saves reading the canvas
        back.
        """
        session = self._session
        if session is None or not self.recording:
            return False
        return self._slot(session, self._clock.now() - session.age) > session.slot

    def put(self, picture: CanvasPicture) -> bool:
        """Hand over a picture, whose pixels must not change afterwards. Never waits; False if one was dropped."""
        session = self._session
        if session is None or not self.recording:
            return False
        full = len(session.pictures) == self._capacity
        session.dropped += full
        session.pictures.append(picture)
        session.slot = self._slot(session, picture.time)
        session.age = max(0.0, self._clock.now() - picture.time)
        return not full

    def note(self, time: float, what: Mapping[str, Any]) -> None:
        """Write `what` happened at `time` (s) into the show log, if one is being written. Any thread; never waits."""
        session = self._session
        if session is not None and session.about is not None and session.end is None:
            session.notes.append((time, what))

    @property
    def status(self) -> RecordStatus:
        session = self._session
        if session is None:
            return RecordStatus()
        end = self._clock.now() if session.end is None else session.end
        return RecordStatus(session.state, end - session.start, session.path, session.dropped, session.error)

    def end(self) -> None:
        """Ask the recording to end here, without waiting: for the display thread. `stop` gives the summary later."""
        session = self._session
        if session is not None and session.end is None:
            session.end = self._clock.now()
            session.stop.set()

    def take_finished(self) -> list[RecordSummary]:
        """Return what the recordings came to that have ended since the last call. Never waits."""
        sessions = [*self._before, *([] if self._session is None else [self._session])]
        done = [each for each in sessions if not each.taken and each.thread is not None and not each.thread.is_alive()]
        self._before = [each for each in self._before if each not in done]
        return [summary for each in done if (summary := self._summary(each)) is not None]

    def stop(self, timeout: float = 1.5) -> RecordSummary | None:
        """Finish the file, waiting at most `timeout` s. None if nothing was recorded since the last `stop`."""
        session = self._session
        if session is None or session.thread is None or session.taken:
            return None
        self.end()
        session.thread.join(timeout)
        if session.thread.is_alive():
            session.error = f"not finished after {timeout:g} s; the file is playable up to its last second"
            self._notices.error(f"{session.name}: {session.error}", "record")
        return self._summary(session)

    def _summary(self, session: _Session) -> RecordSummary | None:
        """Return what a recording came to, once; None without a file."""
        session.taken = True
        if session.path is None:
            return None
        seconds = self._ended(session) - session.start
        return RecordSummary(session.path, seconds, session.frames, session.dropped, session.error)

    def _slot(self, session: _Session, time: float) -> int:
        return round((time - session.start) * self._fps)

    def _open_hybrid(self, path: Path) -> StreamEncoder:
        from livemusviz.record.encoder import LiveEncoder

        return LiveEncoder(path, self._settings(self._codecs or CODECS))

    def _settings(self, codecs: tuple[str, ...]) -> EncoderSettings:
        limit = None if self._streams is None else self._streams.shared_limit
        return EncoderSettings(*self._size, self._fps, codecs, self._effort, bit_rate=limit)

    def _run(self, session: _Session, label: str, before: threading.Thread | None) -> None:
        """Record one file. label : of a file that is still to be made.  before : the thread of the last recording."""
        lower_thread_priority(0)  # not the display's, which starts this thread
        if before is not None:
            before.join()  # two threads must not share the sound
        try:
            path = session.path or self._create(label)
        except (OSError, UserError) as error:
            session.error = f"no recording: {error}"
            self._notices.error(session.error, "record")
            self._ended(session)
            session.state = "error"
            return
        session.path = path
        log.info("record: writing %s", path)
        self._record(session, path)

    def _record(self, session: _Session, path: Path) -> None:
        encoder: StreamEncoder | None = None
        notes: ShowLog | None = None
        try:
            encoder = self._open(path)
            if self._streams is not None:
                encoder.on_packet = partial(_share, self._streams, session.start)
            timed = TimedEncoder(encoder, session.start, self._fps, self._size)
            notes = _open_log(session, path)
            with _watched(path) as file:
                self._write(session, path, timed, notes, file)
            session.state = "finishing"
            timed.finish(self._ended(session))
            if self._streams is not None:
                self._streams.put_packet(EncodedPicture(b"", b"", False, self._ended(session)))
            session.state = "error" if session.error else "idle"
        except Exception as error:
            self._ended(session)
            session.error = f"{path.name}: recording ended: {error}"
            session.state = "error"
            self._notices.error(session.error, "record")
            with suppress(OSError, ValueError):  # the disk may refuse the last bytes as well
                if encoder is not None:
                    encoder.close()
                elif not path.stat().st_size:
                    path.unlink()
        if notes is not None:
            with suppress(OSError):
                notes.close(self._ended(session))
        session.frames = encoder.frames if encoder is not None else 0

    def _write(self, session: _Session, path: Path, timed: TimedEncoder, notes: ShowLog | None, file: int) -> None:
        look_at_disk = session.start + DISK_PERIOD
        faults = written = 0  # faults since a picture was written; pictures at that time
        told = False
        while not session.stop.wait(POLL):
            now = self._clock.now()
            try:
                self._move(session, timed, notes)
                timed.advance(now)
            except OSError:  # of the disk
                raise
            except Exception as error:  # a picture or a block that cannot be encoded costs itself
                faults, written = faults + 1 if timed.frames == written else 1, timed.frames
                if faults >= MAX_FAULTS:
                    raise
                if not told:
                    self._notices.error(f"{session.name}: {error}; the recording goes on", "record", error)
                told = True
            if now >= look_at_disk:
                look_at_disk = now + DISK_PERIOD
                trouble = disk_trouble(path, file)
                if trouble:
                    session.error = f"{path.name}: recording ended, {trouble}"
                    self._notices.error(session.error, "record")
                    return
        for _ in range(TAIL_POLLS):  # the last sound is still on its way through the audio process
            self._move(session, timed, notes)
            if timed.sound_end >= self._ended(session):
                break
            time.sleep(POLL)

    def _move(self, session: _Session, timed: TimedEncoder, notes: ShowLog | None) -> None:
        if notes is not None:
            _note(session, notes)
        for block in self._blocks():
            if session.end is None or block.time < session.end:
                timed.block(block, self._clock.now())
        for _ in range(len(session.pictures)):
            timed.picture(session.pictures.popleft(), self._clock.now())

    def _ended(self, session: _Session) -> float:
        """Return the time at which the recording ended (s); now, if nobody stopped it."""
        end = self._clock.now() if session.end is None else session.end
        session.end = end
        return end


def _share(streams: PacketTaker, start: float, picture: EncodedPicture) -> None:
    """Hand a picture, whose time counts from `start`, to the streams."""
    streams.put_packet(replace(picture, time=start + picture.time))


def _open_log(session: _Session, path: Path) -> ShowLog | None:
    """Return the show log of a recording that is to have one. Without it the recording is still worth having."""
    try:
        return None if session.about is None else ShowLog(path, session.start, session.about)
    except OSError as error:
        log.error("record: no show log beside %s: %s", path.name, error.strerror or error)
        session.about = None
        return None


def _note(session: _Session, notes: ShowLog) -> None:
    """Write the lines that wait. A disk that takes none ends the log; any other fault costs its line."""
    while session.notes and session.about is not None:
        try:
            notes.line(*session.notes.popleft())
        except OSError as error:
            log.error("record: the show log of %s ends here: %s", session.name, error.strerror or error)
            session.about = None
        except Exception:
            log.exception("record: a line of the show log of %s is left out", session.name)


@contextmanager
def _watched(path: Path) -> Iterator[int]:
    """Hold the file open, to see whether it is still there wherever it is moved."""
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)
