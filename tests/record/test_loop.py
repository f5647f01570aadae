"""The recorder as the show uses it: threads, faults, and being killed."""

import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from livemusviz.bridge.notices import Notices
from livemusviz.bridge.packets import EncodedPicture
from livemusviz.bridge.sound import HOP, SAMPLE_RATE, AudioBlock
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import SystemClock
from livemusviz.errors import UserError
from livemusviz.record.loop import Recorder, RecordSummary
from livemusviz.record.showlog import log_path, read_log

SIZE = (160, 90)
CLOCK = SystemClock()


class Microphone:
    """Blocks in real time since it was made: silence with a click of 1 ms at each time in `clicks` (s)."""

    def __init__(self, delay: float = 0.03) -> None:
        self._start, self._next, self._delay = CLOCK.now(), 0, delay
        self.clicks: list[float] = []

    def _block(self, number: int) -> AudioBlock:
        begin = self._start + number * HOP / SAMPLE_RATE
        at = begin + np.arange(HOP) / SAMPLE_RATE
        loud = np.zeros(HOP, np.float32)
        for click in self.clicks:
            loud[(at >= click) & (at < click + 0.001)] = 0.9
        return AudioBlock(begin, number * HOP, np.stack([loud, loud], axis=1))

    def __call__(self) -> list[AudioBlock]:
        first = self._next
        ready = int((CLOCK.now() - self._delay - self._start) * SAMPLE_RATE / HOP)
        self._next = max(first, ready)
        return [self._block(number) for number in range(first, self._next)]


def grey(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 4), level, np.uint8)


def show(recorder: Recorder, seconds: float, flashes: list[float] | None = None) -> list[float]:
    """Put pictures for `seconds`, about 60 a second; white for 50 ms at each of `flashes` (s). When white was put."""
    end, white = CLOCK.now() + seconds, list[float]()
    while (now := CLOCK.now()) < end:
        lit = any(flash <= now < flash + 0.05 for flash in flashes or [])
        if recorder.wants_pictures:
            recorder.put(CanvasPicture(grey(255 if lit else 60), now))
            white += [now] if lit else []
        time.sleep(1 / 60)
    return white


def decode(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (s) and mean brightness of the pictures, and the left channel."""
    with av.open(str(path)) as file:
        frames = [(float(f.time or 0.0), float(f.to_ndarray(format="gray").mean())) for f in file.decode(video=0)]
    with av.open(str(path)) as file:
        sound = [f.to_ndarray()[0] for f in file.decode(audio=0)]
    times, light = np.array(frames).T
    return times, light, np.concatenate(sound)


def finished(recorder: Recorder) -> RecordSummary:
    summary = recorder.stop()
    assert summary is not None
    return summary


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def microphone() -> Microphone:
    return Microphone()


@pytest.fixture
def recorder(tmp_path: Path, microphone: Microphone) -> Recorder:
    made = Recorder(tmp_path / "recordings", SIZE, CLOCK, microphone)
    made.prepare()
    return made


def test_flash_and_click_are_recorded_together(recorder: Recorder, microphone: Microphone) -> None:
    time.sleep(0.2)  # sound from before the start must not get in
    path = recorder.start("first set")
    flashes = [CLOCK.now() + delay for delay in (0.6, 1.5)]
    microphone.clicks = flashes
    white = np.array(show(recorder, 2.2, flashes))
    began = time.monotonic()
    summary = finished(recorder)
    assert time.monotonic() - began < 1.5
    assert summary.error == "" and summary.path == path and path.name.endswith("_first-set.mp4")
    times, light, sound = decode(path)
    assert np.diff(times) == pytest.approx(1 / 30, abs=1e-4)
    assert len(times) == summary.video_frames == pytest.approx(summary.seconds * 30, abs=2)
    assert len(sound) / SAMPLE_RATE == pytest.approx(times[-1] + 1 / 30, abs=0.06)
    lit = times[1:][(light[1:] > 150) & (light[:-1] < 150)]
    loud = np.flatnonzero(np.abs(sound) > 0.3) / SAMPLE_RATE
    heard = [loud[0], loud[loud > loud[0] + 0.4][0]]
    shown = [white[0], white[white > white[0] + 0.4][0]]
    np.testing.assert_allclose(lit - np.array(heard), np.array(shown) - flashes, atol=1 / 30)
    assert recorder.status.state == "idle" and recorder.stop() is None


def test_missing_sound_becomes_silence_and_missing_pictures_repeat(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SIZE, CLOCK, list)
    path = recorder.start()
    show(recorder, 0.3)
    time.sleep(0.7)
    summary = finished(recorder)
    times, light, sound = decode(path)
    assert len(times) == pytest.approx(summary.seconds * 30, abs=2) and (np.abs(light - 60) < 8).all()
    assert len(sound) / SAMPLE_RATE == pytest.approx(summary.seconds, abs=0.06) and not np.abs(sound).max() > 1e-3


def test_nothing_shown_still_gives_a_playable_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SIZE, CLOCK, list)
    path = recorder.start()
    assert finished(recorder).error == ""
    assert len(decode(path)[0]) >= 1


def test_a_recording_in_matroska(tmp_path: Path, microphone: Microphone) -> None:
    recorder = Recorder(tmp_path, SIZE, CLOCK, microphone, suffix=".mkv")
    path = recorder.start("set")
    show(recorder, 0.6)
    summary = finished(recorder)
    assert path.suffix == ".mkv" and summary.error == ""
    with av.open(str(path)) as file:
        assert "matroska" in file.format.name
    times, _, sound = decode(path)
    assert len(times) == summary.video_frames and len(sound) / SAMPLE_RATE == pytest.approx(0.6, abs=0.1)


def test_a_show_log_is_written_beside_it_in_time_with_the_sound(tmp_path: Path, microphone: Microphone) -> None:
    about = {"values": {"prompt": "ocean"}}
    recorder = Recorder(tmp_path, SIZE, CLOCK, microphone, about=lambda: about)
    recorder.note(CLOCK.now(), {"walk": [9.0]})  # not recording: nobody's
    path = recorder.start("set")
    began = CLOCK.now()
    recorder.note(began + 0.2, {"walk": [0.5]})
    recorder.note(began + 0.3, {"values": {"prompt": "lava"}})
    show(recorder, 0.5)
    summary = finished(recorder)
    recorder.note(CLOCK.now(), {"walk": [9.0]})
    log = read_log(log_path(path))
    assert log.recording == path and log.values == about["values"]
    assert [time for time, _ in log.walk] == pytest.approx([0.2], abs=0.02)
    assert [(round(time, 1), values) for time, values in log.changes] == [(0.3, {"prompt": "lava"})]
    assert log.seconds == pytest.approx(summary.seconds, abs=0.05)


def test_a_log_that_cannot_be_written_is_told_and_the_recording_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(tmp_path, SIZE, CLOCK, list, about=dict)
    (tmp_path / "set.jsonl").mkdir()
    path = recorder.start(tmp_path / "set.mp4")
    show(recorder, 0.3)
    assert finished(recorder).error == "" and len(decode(path)[0])
    assert "no show log beside set.mp4" in caplog.text


def test_F21_a_file_that_is_removed_ends_the_recording_and_one_that_is_moved_does_not(tmp_path: Path) -> None:
    folder, moved = tmp_path / "gig", tmp_path / "moved"
    folder.mkdir()
    recorder = Recorder(folder, SIZE, CLOCK, list)
    recorder.start("set")
    show(recorder, 0.2)
    folder.rename(moved)
    show(recorder, 1.2)
    assert recorder.recording
    shutil.rmtree(moved)
    wait_until(lambda: recorder.status.state == "error")
    assert f"the folder {folder} is gone" in finished(recorder).error


def test_two_recordings_in_a_row_and_never_two_at_once(recorder: Recorder) -> None:
    first = recorder.start(Path(recorder._folder.parent / "a.mp4"))
    with pytest.raises(UserError, match="already recording a.mp4"):
        recorder.start("b")
    show(recorder, 0.2)
    finished(recorder)
    assert not recorder.put(CanvasPicture(grey(0), CLOCK.now())) and not recorder.wants_pictures
    second = recorder.start("b")
    show(recorder, 0.2)
    finished(recorder)
    assert first != second and len(decode(first)[0]) and len(decode(second)[0])


def test_end_does_not_wait_and_stop_tells_of_it_later(recorder: Recorder) -> None:
    path = recorder.start()
    show(recorder, 0.3)
    began = CLOCK.now()
    recorder.end()
    assert CLOCK.now() - began < 0.02 and not recorder.recording
    wait_until(lambda: recorder.status.state == "idle")
    summary = finished(recorder)
    assert summary.error == "" and summary.seconds < 0.6 and len(decode(path)[0]) == summary.video_frames


def test_wants_pictures_once_a_slot(recorder: Recorder) -> None:
    assert not recorder.wants_pictures
    recorder.start()
    assert recorder.wants_pictures
    recorder.put(CanvasPicture(grey(0), CLOCK.now() + 0.5))  # its slot is half a second ahead
    assert not recorder.wants_pictures
    recorder.stop()


class SlowEncoder:
    """Takes `seconds` a picture. Remembers the slots it was given; raises `fault` once there are `good` of them."""

    def __init__(self, seconds: float = 0.0, fault: Exception | None = None, good: int = 0) -> None:
        self.seconds, self.fault, self.good = seconds, fault, good
        self.frames, self.slots, self.closed = 0, [0][:0], False
        self.release = threading.Event()

    def video(self, pixels: np.ndarray, slot: int) -> None:
        if self.fault is not None and self.frames >= self.good:
            raise self.fault
        self.release.wait(self.seconds)
        self.frames += 1
        self.slots.append(slot)

    def audio(self, samples: np.ndarray) -> None: ...

    def close(self) -> None:
        self.closed = True
        if self.fault is not None:
            raise self.fault


def decode_pictures(path: Path) -> list[float]:
    """Times of the pictures up to where a damaged file stops."""
    times: list[float] = []
    try:
        with av.open(str(path)) as file:
            times.extend(float(f.time or 0.0) for f in file.decode(video=0))
    except av.FFmpegError:
        return times
    return times


def test_an_encoder_that_does_not_open_leaves_no_empty_file(tmp_path: Path) -> None:
    def broken(path: Path) -> SlowEncoder:
        raise OSError("no H.264 encoder opens")

    recorder = Recorder(tmp_path, SIZE, CLOCK, list, open_encoder=broken)
    path = recorder.start()
    assert "no H.264" in finished(recorder).error
    assert not path.exists()


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.record.test_loop import CLOCK, Microphone, SIZE, grey
from livemusviz.bridge.view import CanvasPicture
from livemusviz.record import files
from livemusviz.record.loop import Recorder
recorder = Recorder(Path(sys.argv[1]).parent, SIZE, CLOCK, Microphone())
recorder.prepare()
recorder.start(Path(sys.argv[1]))
began = CLOCK.now()
print("started", flush=True)
while True:
    now = CLOCK.now()
    recorder.put(CanvasPicture(grey(int((now - began) * 10) % 256), now))
    time.sleep(1 / 60)
"""


@pytest.mark.parametrize(
    ("folder", "said"), [("x" * 300, "cannot look at .*: File name too long"), ("taken/sub", "Not a directory")]
)
def test_a_folder_that_cannot_be_used_is_one_line(
    tmp_path: Path, microphone: Microphone, folder: str, said: str
) -> None:
    (tmp_path / "taken").touch()
    notices = Notices()
    recorder = Recorder(tmp_path / folder, SIZE, CLOCK, microphone, notices=notices)
    recorder.begin("one")
    wait_until(lambda: recorder.status.state == "error")
    told = [notice.text for notice in notices.drain()]
    assert len(told) == 1 and re.match(f"no recording: .*{said}", told[0]) and recorder.stop() is None


def test_a_folder_of_folders_is_made(tmp_path: Path, microphone: Microphone) -> None:
    recorder = Recorder(tmp_path / "a/b/c", SIZE, CLOCK, microphone)
    path = recorder.start("one")
    assert path.parent == tmp_path / "a/b/c"
    finished(recorder)


def test_what_cannot_be_encoded_or_logged_costs_itself_alone(tmp_path: Path) -> None:
    notices, rounds = Notices(), iter([ValueError("a block that lies"), ValueError("another")])

    def blocks() -> list[AudioBlock]:
        for fault in rounds:
            raise fault
        return []

    recorder = Recorder(tmp_path, SIZE, CLOCK, blocks, about=lambda: {"values": {}}, notices=notices)
    path = recorder.start(tmp_path / "set.mp4")
    recorder.put(CanvasPicture(np.zeros(3, np.uint8), CLOCK.now()))
    recorder.note(float("nan"), {"values": {"prompt": "left out"}})
    recorder.note(CLOCK.now(), {"values": {"prompt": "lava"}})
    show(recorder, 0.4)
    assert finished(recorder).error == "" and len(decode(path)[0]) > 5
    assert [values for _, values in read_log(log_path(path)).changes] == [{"prompt": "lava"}]
    assert "the recording goes on" in notices.drain()[0].text


def test_an_encoder_that_never_works_ends_the_recording(tmp_path: Path) -> None:
    broken = SlowEncoder(fault=ValueError("no picture is good enough"))
    recorder = Recorder(tmp_path, SIZE, CLOCK, list, open_encoder=lambda path: broken)
    recorder.start(tmp_path / "set.mp4")

    def over() -> bool:
        recorder.put(CanvasPicture(grey(60), CLOCK.now()))
        return recorder.status.state == "error"

    wait_until(over)
    assert "no picture is good enough" in finished(recorder).error and broken.closed


class Streams:
    """Takes what a recorder shares. limit : bits/s."""

    def __init__(self, limit: int | None) -> None:
        self.shared_limit = limit
        self.taken: list[EncodedPicture] = []

    def put_packet(self, picture: EncodedPicture) -> None:
        self.taken.append(picture)


def test_streams_get_the_encoded_pictures_with_their_times_and_the_end(tmp_path: Path) -> None:
    streams = Streams(500_000)
    recorder = Recorder(tmp_path, SIZE, CLOCK, list, streams=streams)
    began = CLOCK.now()
    recorder.start()
    show(recorder, 1.2)
    summary = finished(recorder)
    *pictures, end = streams.taken
    assert len(pictures) == summary.video_frames and not end.data and not end.key
    assert [each.key for each in pictures[::15]] == [True] * len(pictures[::15]), "every 0.5 s"
    assert all(each.limit == 500_000 and each.header.startswith(b"\0\0\0\1") for each in pictures)
    assert pictures[0].time == pytest.approx(began, abs=0.3)
    assert np.diff([each.time for each in pictures]) == pytest.approx(1 / 30)
    assert end.time == pytest.approx(began + summary.seconds, abs=0.3)
