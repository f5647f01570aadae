import numpy as np
import pytest

from livemusviz.audio.inprocess import InProcessAudio
from livemusviz.audio.loop import Capture
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.hop import Hop, unpack_block
from tests.drum_loop import drum_loop


class Tape:
    """A capture that keeps its hops."""

    def __init__(self, rate=SAMPLE_RATE, **options):
        self.packed = []
        self.capture = Capture(self.packed.append, rate, **{"settle": 0.0, **options})
        self.rate, self.heard = rate, 0

    def feed(self, block, late=0.0, overflow=False):
        self.capture(block, self.heard / self.rate + late, overflow)
        self.heard += len(block)

    @property
    def hops(self):
        return [Hop.unpack(data) for data in self.packed]

    @property
    def sound(self):
        return np.concatenate([hop.samples for hop in self.hops])


def sine(seconds, rate=SAMPLE_RATE, channels=2, frequency=440.0, level=0.5):
    wave = level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def test_blocks_of_the_right_kind_pass_bit_for_bit():
    tape, sound = Tape(), np.random.default_rng(1).uniform(-1, 1, (HOP * 20, 2)).astype(np.float32)
    for start in range(0, len(sound), HOP):
        tape.feed(sound[start : start + HOP])
    assert np.array_equal(tape.sound, sound)
    assert [hop.sample for hop in tape.hops] == list(range(0, len(sound), HOP))
    assert [hop.time for hop in tape.hops] == pytest.approx([n * HOP / SAMPLE_RATE for n in range(20)])


@pytest.mark.parametrize("size", [1, 17, 255, 300, 1024, 5000])
def test_blocks_of_any_size_become_the_same_hops(size):
    sound = np.random.default_rng(1).uniform(-1, 1, (12_000, 2)).astype(np.float32)
    tape = Tape()
    for start in range(0, len(sound), size):
        tape.feed(sound[start : start + size])
    assert np.array_equal(tape.sound, sound[: len(sound) // HOP * HOP])


def test_gain_is_applied_and_limited_to_full_scale():
    tape = Tape(gain=4.0)
    tape.feed(np.full((HOP, 2), 0.1, np.float32))
    tape.feed(np.full((HOP, 2), -0.9, np.float32))
    tape.capture.gain = 0.0
    tape.feed(np.full((HOP, 2), 0.9, np.float32))
    assert [float(hop.samples[0, 0]) for hop in tape.hops] == pytest.approx([0.4, -1.0, 0.0])


def test_a_constant_offset_is_no_sound():
    audio = InProcessAudio()
    features = audio.feed(np.full((SAMPLE_RATE * 2, 2), 0.5, np.float32))
    assert features[-1].rms < 1e-3
    assert features[-1].silent
    assert features[-1].energy < 0.01


def test_an_exception_does_not_end_the_stream():
    written = []

    def write(data):
        if not written:
            written.append(None)
            raise OSError("the ring is gone")
        written.append(data)

    capture = Capture(write, settle=0.0)
    for number in range(3):
        capture(np.zeros((HOP, 2), np.float32), number * HOP / SAMPLE_RATE)
    capture(np.zeros(HOP, np.float32), 0.0)  # not even two-dimensional
    assert capture.health.failures == 2
    assert len(written) == 3
    assert capture.health.blocks == 2


def test_perfect_silence_is_timed():
    tape = Tape()
    for _ in range(100):
        tape.feed(np.zeros((HOP, 2), np.float32))
    assert tape.capture.health.zeros == pytest.approx(100 * HOP / SAMPLE_RATE)
    tape.feed(np.full((HOP, 2), 1e-6, np.float32))
    assert tape.capture.health.zeros == 0.0


def test_lost_sound_makes_the_index_jump_so_that_it_stays_true_to_time():
    tape = Tape()
    for number in range(300):
        tape.feed(np.zeros((HOP, 2), np.float32), late=0.5 if number >= 100 else 0.0)
    last = tape.hops[-1]
    assert tape.capture.health.gaps == 1
    assert last.sample == pytest.approx((299 * HOP) + 0.5 * SAMPLE_RATE, abs=0.01 * SAMPLE_RATE)
    assert last.sample == pytest.approx(last.time * SAMPLE_RATE, abs=0.01 * SAMPLE_RATE)
    steps = np.diff([hop.sample for hop in tape.hops])
    assert sorted(set(steps))[0] == HOP and np.count_nonzero(steps != HOP) == 1


def test_a_stream_begins_where_its_time_says_but_never_before_what_was_heard():
    first = Tape(epoch=-3.0)
    first.feed(np.zeros((HOP, 2), np.float32))
    assert first.hops[0].sample == 3 * SAMPLE_RATE
    heir = Tape(epoch=-3.0, first=10 * SAMPLE_RATE)
    heir.feed(np.zeros((HOP, 2), np.float32))
    assert heir.hops[0].sample == 10 * SAMPLE_RATE


def test_settling_publishes_nothing_but_keeps_the_time():
    tape = Tape(settle=0.1)
    for number in range(40):
        tape.feed(np.zeros((HOP, 2), np.float32), late=0.3 if number == 0 else 0.0)
    assert tape.hops[0].time == pytest.approx(0.1, abs=2 * HOP / SAMPLE_RATE)
    assert tape.hops[-1].time == pytest.approx(39 * HOP / SAMPLE_RATE, abs=1e-6)


def test_the_packed_block_is_the_recorders_block():
    tape = Tape()
    tape.feed(sine(HOP / SAMPLE_RATE))
    block = unpack_block(tape.packed[0])
    assert (block.sample, block.time) == (0, 0.0)
    assert np.array_equal(block.samples, tape.hops[0].samples)


def test_the_same_samples_give_the_same_features_however_they_come():
    sound, _ = drum_loop(2)
    whole = InProcessAudio().feed(sound)
    audio = InProcessAudio()
    pieces = list(audio.feed_all(np.array_split(sound, 97)))
    assert [f.onset for f in pieces] == [f.onset for f in whole]
    assert pieces[-1].energy == whole[-1].energy
