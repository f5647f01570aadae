"""A real PortAudio input without a sound card: PulseAudio's null sink, captured from its monitor."""

import os
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from livemusviz.audio.host import AudioHost, AudioSpec
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.clock import SystemClock
from livemusviz.errors import UserError
from tests.drum_loop import write_drum_loop

STOOD_STILL = 0.3  # s without a turn for this process, after which a take says nothing of the show
TAKES = 3
BUSY = """
import numpy, sys
a = numpy.ones((700, 700), numpy.float32)
while True:
    a = a @ a * 1e-3
"""


@pytest.fixture
def host(pulse, monkeypatch):
    """A host whose process lives in the server's environment."""
    for name in [name for name in os.environ if name.startswith(("PULSE_", "ALSA_"))]:
        monkeypatch.delenv(name)
    for name, value in pulse.env.items():
        monkeypatch.setenv(name, value)
    clock = SystemClock()
    made = AudioHost(AudioSpec(pulse.input), clock, clock.now())
    made.start()
    yield made
    made.close()


@pytest.fixture
def busy():
    """Two processes that keep every core at matrix products, as an engine would."""
    made = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    yield
    for process in made:
        process.kill()
        process.wait(5.0)


class Waited(NamedTuple):
    """seconds : in all.  longest : of them between two looks: how long the machine gave this process no time."""

    seconds: float
    longest: float


def until(host, condition, within, seen=None):
    looked = began = time.monotonic()
    longest = 0.0
    while not condition():
        host.poll()
        features = host.features()
        if seen is not None:
            seen += features
        now = time.monotonic()
        looked, longest = now, max(longest, now - looked)
        assert now - began < within, f"waited {within} s; {host.status}"
        time.sleep(0.005)
    return Waited(time.monotonic() - began, longest)


def take(host, pulse, path):
    """What is heard of a file that is played once; a reader of its blocks; the status before; the longest wait, s."""
    seen, reader, before = [], host.block_reader(), host.status
    reader.read()
    player = pulse.play(path)
    played = until(host, lambda: player.poll() is not None, within=60.0, seen=seen)
    heard = until(host, lambda: seen[-1].time > host.clock.now() - 0.2, within=5.0, seen=seen)
    return seen, reader, before, max(played.longest, heard.longest)


def test_a_drum_loop_is_captured_while_every_core_is_busy(pulse, host, busy, tmp_path):
    times = write_drum_loop(tmp_path / "loop.wav", bars=5, lead_in=0.5)  # 10 s, 40 onsets
    until(host, lambda: host.status.state == "running", within=15.0)
    for _ in range(TAKES):
        seen, reader, before, longest = take(host, pulse, tmp_path / "loop.wav")
        if longest < STOOD_STILL:
            break

    onsets = [features.time for features in seen if features.onset]
    assert len(onsets) == pytest.approx(len(times), abs=0.1 * len(times)), f"nothing ran for {longest:.2f} s"
    offset = np.median([min(onsets, key=lambda t, m=m: abs(t - onsets[0] - (m - times[0]))) - m for m in times])
    hits = sum(min(abs(np.array(onsets) - offset - mark)) < 0.05 for mark in times)
    assert hits >= 0.9 * len(times), "the onsets do not lie where the loop's do"
    status = host.status
    lost = status.overflows - before.overflows, status.restarts - before.restarts
    assert (*lost, status.device) == (0, 0, pulse.input)

    blocks = reader.read()
    steps = np.diff([block.sample for block in blocks])
    assert len(blocks) > 9.5 * SAMPLE_RATE / HOP
    assert (steps == HOP).all(), f"sound was lost: {steps[steps != HOP]}"
    tempi = [features.bpm for features in seen if features.bpm]
    assert tempi and tempi[-1] == pytest.approx(120.0, abs=2.0)


def test_other_inputs_than_the_first_two_are_heard_and_chosen_in_a_running_show(pulse, monkeypatch, tmp_path):
    """Music on the 3rd and 4th of 18 channels that the system's mixer does not hand on as left and right."""
    pulse.add_many("many", 18)
    for name, value in pulse.env.items():
        monkeypatch.setenv(name, value)
    tone = 0.5 * np.sin(np.arange(SAMPLE_RATE * 30) * 0.05)
    sound = np.zeros((len(tone), 18), np.float32)
    sound[:, 2], sound[:, 3] = tone, tone / 2
    soundfile.write(tmp_path / "18.wav", sound, SAMPLE_RATE)
    soundfile.write(tmp_path / "2.wav", sound[:, 2:4], SAMPLE_RATE)
    pulse.play(tmp_path / "18.wav", "many", "--channel-map=" + ",".join(f"aux{n}" for n in range(18)))
    clock = SystemClock()
    host = AudioHost(AudioSpec("many"), clock, clock.now())
    host.start()
    try:
        until(host, lambda: host.latest().rms > 0.1, within=15.0)
        before = host.status
        with pytest.raises(UserError, match="a file is given on the command line"):
            host.set_input(str(tmp_path / "2.wav"))
        host.set_input("nothing like it")
        until(host, lambda: "there are: 'gig', 'many'" in host.take_refusal(), within=5.0)
        until(host, lambda: host.latest().rms > 0.1, within=5.0)
        assert host.spec.input == "many" and dict(host.inputs)["many"] >= 18
        pulse.play(tmp_path / "2.wav")
        host.set_input("gig:1")
        until(host, lambda: host.status.device == "gig" and host.latest().rms > 0.1, within=5.0)
        reader = host.block_reader()
        reader.read()
        until(host, lambda: bool(reader.read()), within=5.0)
        block = host.read_blocks(reader)
        until(host, lambda: block.extend(reader.read()) or len(block) > 20, within=5.0)
        assert all((each.samples[:, 0] == each.samples[:, 1]).all() for each in block)
        host.set_input("")
        until(host, lambda: host.status.device == "many", within=5.0)
        assert host.status.restarts == before.restarts
    finally:
        host.close()


def test_the_default_input_is_heard_too(pulse, tmp_path):
    """As a user without any option has it: `default` means the server's default source."""
    program = (
        "from livemusviz.audio.devices import find_input, input_devices\n"
        "devices = input_devices()\n"
        "print(find_input('default', devices).name, len(devices), find_input('GIG', devices).name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=pulse.env, capture_output=True, text=True, check=True, timeout=20
    )
    default, count, named = done.stdout.split()
    assert (default, named) == ("default", "gig")
    assert int(count) >= 2
    assert done.stderr == ""


def test_a_file_is_played_aloud_where_there_are_speakers(pulse, host, tmp_path):
    """One host plays a file into the default output; the other captures what comes out of it."""
    write_drum_loop(tmp_path / "loop.wav", bars=4)
    clock = SystemClock()
    player = AudioHost(AudioSpec(str(tmp_path / "loop.wav")), clock, clock.now())
    player.start()
    try:
        played = []
        until(host, lambda: played_by(player, played) >= 12 and host.latest().onsets >= 8, within=20.0)
        assert player.status.state == "running"
        heard = [features for features in played if not features.silent]
        assert (np.diff([features.sample for features in heard]) == HOP).all()
        pulse.stop()  # the speakers go: the file plays on without them
        until(host, lambda: played_by(player, played) >= 1 and player.status.restarts == 1, within=10.0)
        count = played[-1].onsets
        until(host, lambda: played_by(player, played) >= count + 4, within=10.0)
    finally:
        player.close()


def played_by(player, played):
    player.poll()
    played += player.features()
    return played[-1].onsets if played else 0
