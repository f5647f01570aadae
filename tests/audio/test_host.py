"""The audio process for real, fed by a file: spawn, capture, loss, respawn, end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from livemusviz.audio.host import AudioHost, AudioSpec
from livemusviz.audio.spec import AudioControl
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.clock import ManualClock, SystemClock
from livemusviz.errors import UserError
from tests.drum_loop import write_drum_loop

PATIENCE = 20.0  # s; a bound for a busy machine, not a target


class Show:
    """What the show does with a host: polls it and keeps what comes."""

    def __init__(self, **spec):
        self.clock = SystemClock()
        self.host = AudioHost(AudioSpec(**spec), self.clock, self.clock.now())
        self.features: list[AudioFeatures] = []
        self.blocks = []
        self._reader = self.host.block_reader()

    def look(self):
        self.host.poll()
        self.features += self.host.features()
        self.blocks += self._reader.read()

    def until(self, condition, within=PATIENCE):
        began = self.clock.now()
        while not condition():
            assert self.clock.now() - began < within, f"waited {within} s; {self.host.status}"
            self.look()
            time.sleep(0.002)
        return self.clock.now() - began

    def drain_features(self):
        return [f for f in self.features if not f.silent]


@pytest.fixture
def loop(tmp_path) -> Path:
    write_drum_loop(tmp_path / "loop.wav", bars=2)
    return tmp_path / "loop.wav"


@pytest.fixture
def show(loop):
    made = Show(input=str(loop), speakers=False)
    made.host.start()
    yield made
    made.host.close()


def test_a_file_is_heard_through_the_process(show):
    show.until(lambda: show.features and show.features[-1].onsets >= 8)
    status = show.host.status
    assert (status.state, status.device, status.overflows, status.restarts) == ("running", "loop.wav", 0, 0)
    onsets = [f.time for f in show.features if f.onset]
    assert len(onsets) == show.features[-1].onsets
    assert np.diff(onsets[1:]) == pytest.approx(0.25, abs=0.02)
    heard = show.drain_features()
    assert all(b.sample - a.sample == HOP for a, b in zip(heard, heard[1:], strict=False))
    assert heard[-1].sample == pytest.approx((heard[-1].time - show.host.epoch) * SAMPLE_RATE, abs=0.02 * SAMPLE_RATE)
    assert show.clock.now() - heard[-1].time < 0.5


def test_the_recorder_gets_the_sound_itself(show):
    show.until(lambda: len(show.blocks) > 300)
    sound = np.concatenate([block.samples for block in show.blocks])
    assert sound.dtype == np.float32 and sound.shape[1] == 2
    assert 0.3 < np.abs(sound).max() <= 1.0
    assert set(np.diff([block.sample for block in show.blocks])) == {HOP}


def test_each_reader_has_its_own_place(show):
    other = show.host.block_reader()
    other.read()
    show.until(lambda: len(show.blocks) > 100)
    assert len(other.read()) > 50
    assert len(show.host.blocks.read()) == 0  # this one begins now
    assert other.dropped == 0


def test_gain_is_live(show):
    show.until(lambda: show.drain_features())
    show.host.set_gain(0.0)
    show.until(lambda: show.features[-1].rms == 0.0 and show.blocks and not show.blocks[-1].samples.any())
    show.host.set_gain(1.0)
    show.until(lambda: show.features[-1].rms > 0.01)


def test_what_the_show_sets_reaches_the_process_together(show):
    show.host.set_sensitivity(0.5)
    show.host.set_gain(0.25)
    control = show.host._rings.control
    assert AudioControl.unpack(control.slot(control.newest())) == AudioControl(0.25, 0.5, plays=True)


def test_a_held_file_waits_for_the_show_through_the_loss_of_its_process(loop):
    show = Show(input=str(loop), speakers=False, held=True, loop=False)
    show.host.start()
    try:
        show.until(lambda: len(show.blocks) > 20)
        os.kill(show.host._process._process.pid, signal.SIGKILL)
        show.until(lambda: show.host.status.restarts == 1 and show.host.status.state == "running")
        show.host.set_gain(1.5)
        waited = len(show.blocks)
        show.until(lambda: len(show.blocks) > waited + 20)
        assert not any(block.samples.any() for block in show.blocks)
        show.host.play()
        show.until(lambda: show.features and show.features[-1].onsets >= 16)
    finally:
        show.host.close()


def test_a_killed_process_is_replaced_and_the_counts_go_on(show):
    show.until(lambda: show.features and show.features[-1].onsets >= 4)
    before = show.features[-1]
    os.kill(show.host._process._process.pid, signal.SIGKILL)
    assert show.until(lambda: show.host.status.state == "lost") < 1.0
    show.until(lambda: show.host.status.state == "running")
    show.until(lambda: show.features[-1].onsets >= before.onsets + 3)
    assert show.host.status.restarts == 1
    counts = [f.onsets for f in show.features]
    assert counts == sorted(counts)
    samples = [block.sample for block in show.blocks]
    assert samples == sorted(set(samples))
    last = show.features[-1]
    assert last.sample == pytest.approx((last.time - show.host.epoch) * SAMPLE_RATE, abs=0.02 * SAMPLE_RATE)


def test_ctrl_c_is_the_shows_business(show):
    show.until(lambda: show.drain_features())
    os.kill(show.host._process._process.pid, signal.SIGINT)
    time.sleep(0.2)
    show.look()
    assert show.host.status.state == "running"
    assert show.host._process.is_alive()


@pytest.mark.parametrize("name", ["gone.wav", "text.wav"])
def test_a_file_that_cannot_be_played_is_told_before_anything_starts(tmp_path, name):
    (tmp_path / "text.wav").write_text("no sound")
    host = AudioHost(AudioSpec(str(tmp_path / name)), SystemClock(), 0.0)
    with pytest.raises(UserError, match=name):
        host.start()
    host.close()


def test_before_the_start_and_after_the_end_there_is_rest(loop):
    clock = ManualClock(5.0)
    host = AudioHost(AudioSpec(str(loop)), clock, 5.0)
    reader = host.block_reader()
    host.poll()
    assert (host.features(), reader.read(), host.status.state) == ([], [], "starting")
    assert host.latest() == AudioFeatures.rest(5.0)
    host.set_gain(2.0)
    host.close()
    host.close()
    clock.advance(1.0)
    assert host.latest().silent and host.latest().time == 6.0
    assert reader.read() == []


def test_closing_is_quick_and_leaves_nothing_behind(show):
    show.until(lambda: show.blocks)
    process, names = show.host._process._process, show.host._rings.names
    began = time.perf_counter()
    show.host.close()
    assert time.perf_counter() - began < 1.0
    assert not process.is_alive()
    assert show._reader.read() == [] and show.host.status.blocks > 0
    if Path("/dev/shm").is_dir():
        assert not [name for name in names if Path("/dev/shm", name.lstrip("/")).exists()]


def test_the_process_ends_when_the_show_is_killed(loop):
    """A show that dies without a word must not leave a process with an open microphone."""
    program = (
        "import sys, time\n"
        "from livemusviz.audio.host import AudioHost, AudioSpec\n"
        "from livemusviz.clock import SystemClock\n"
        "if __name__ == '__main__':\n"
        "    host = AudioHost(AudioSpec(sys.argv[1], speakers=False), SystemClock(), 0.0)\n"
        "    host.start()\n"
        "    while not host.blocks.read(): time.sleep(0.01)\n"
        "    print(host._process._process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    script = loop.with_suffix(".py")
    script.write_text(program)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, script, loop], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 5.0
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text():
        assert time.monotonic() < until, "the audio process lives on"
        time.sleep(0.02)


def test_the_host_loads_no_audio_library_and_no_mlx():
    heavy = ("mlx", "aubio", "sounddevice", "soxr")
    program = f"import sys, livemusviz.audio.host; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
