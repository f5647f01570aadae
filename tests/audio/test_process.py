"""The audio process's own judgement, with a stand-in for the sound card; its threads run, its clock is shortened."""

import multiprocessing
import sys
import threading
import time

import numpy as np
import pytest

from livemusviz.audio import process
from livemusviz.audio.choice import InputDevice
from livemusviz.audio.process import CaptureSession
from livemusviz.audio.source import DeviceSource, _reason
from livemusviz.audio.spec import (
    CONTROL,
    STATUS_BYTES,
    Answer,
    AudioControl,
    AudioSpec,
    AudioWiring,
    Inputs,
    unpack_audio_status,
)
from livemusviz.bridge.features import PACKED_FEATURES_BYTES
from livemusviz.bridge.ring import SharedRing
from livemusviz.bridge.sound import HOP
from livemusviz.errors import UserError
from livemusviz.features.hop import HOP_BYTES, Hop


class FakeSource:
    """Delivers a block of one value every 2 ms until it has delivered `count`; a list has the value of each."""

    name, rate, settle = "fake", 48000.0, 0.0

    def __init__(self, value, overflow=False, count=250):
        values = value if isinstance(value, list) else [value] * count
        self._blocks = [np.full((HOP, 2), each, np.float32) for each in values]
        self._overflow, self._count, self._closing = overflow, len(values), False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, sink):
        self._sink = sink
        self._thread.start()

    def alive(self):
        return self._thread.is_alive()

    def remark(self):
        return ""

    def close(self):
        self._closing = True
        self._thread.join(2.0)

    def _run(self):
        for number in range(self._count):
            if self._closing:
                return
            self._sink(self._blocks[number], number * HOP / 48000.0, self._overflow)
            time.sleep(0.002)


@pytest.fixture
def rings():
    sizes = HOP_BYTES, PACKED_FEATURES_BYTES, STATUS_BYTES, CONTROL.size
    made = [SharedRing.create(1024, size) for size in sizes]
    yield made
    for ring in made:
        ring.close()


@pytest.fixture
def listen(rings, monkeypatch):
    """Runs a session over the sources given, one for each opening; returns what was asked of each, and all reports."""

    def run(*sources, spec=None, specs=None, **wiring):
        waiting, opened, reports = list(sources), [], rings[2].reader()
        session = CaptureSession(AudioWiring(spec or AudioSpec(), 0.0, ("", "", "", ""), **wiring), *rings)

        def open_source(spec, resume, steady):
            if specs is not None:
                specs.append(spec)
            if spec.input == "nonsense":
                raise UserError("no audio input 'nonsense'")
            opened.append(steady)
            return waiting.pop(0)

        monkeypatch.setattr(process, "open_source", open_source)
        session.listen()
        assert not session._features._thread.is_alive()  # the rings may be closed now
        seen = []
        while (data := reports.read()) is not None:
            seen.append(unpack_audio_status(data))
        return opened, seen

    monkeypatch.setattr(process, "LOOK", 0.01)
    return run


def test_silence_between_songs_is_no_missing_permission(listen, monkeypatch):
    monkeypatch.setattr(process, "SILENT_REOPEN", 0.2)
    monkeypatch.setattr(process, "SILENT_TELL", 0.3)
    opened, seen = listen(FakeSource([0.1] * 20 + [0.0] * 200), FakeSource(0.0, count=250))
    assert len(opened) == 2
    assert not any("permission" in status.message for status in seen)
    _, seen = listen(FakeSource(0.0), FakeSource(0.0), sounded=True)  # ... in an earlier life of the process
    assert not any("permission" in status.message for status in seen)


def test_perfect_silence_is_opened_again_with_all_channels(listen, monkeypatch):
    monkeypatch.setattr(process, "SILENT_REOPEN", 0.1)
    specs = []
    listen(FakeSource(0.0), FakeSource(0.1, count=10), specs=specs)
    assert [spec.wide for spec in specs] == [False, True]


class SlowSource(FakeSource):
    """Delivers half of what its rate promises, in real time."""

    rate = 1000.0 * HOP


def test_a_stream_at_half_its_pace_is_opened_anew(listen, monkeypatch):
    looked = []
    monkeypatch.setattr(process, "refresh_devices", lambda: looked.append(1))
    began = time.monotonic()
    opened, _ = listen(SlowSource(0.1, count=5000), FakeSource(0.1, count=10))
    assert len(opened) == 2 and looked == [1]
    assert time.monotonic() - began < 10.0  # it would have gone on for longer


def test_another_input_is_opened_when_it_is_asked_for(listen, monkeypatch):
    monkeypatch.setattr(process, "input_devices", lambda: CARDS)
    ours, theirs = multiprocessing.Pipe()
    specs = []
    ours.send((1, "nonsense"))
    ours.send((2, "twin:1"))  # the newest counts
    opened, _ = listen(FakeSource(0.1, count=10), specs=specs, requests=theirs)
    assert [spec.input for spec in specs] == ["twin:1"]
    assert ours.recv() == Answer(2, "")
    assert ours.recv() == Inputs(names=(("twin", 2), ("twin#2", 2)))


def test_an_input_that_cannot_be_had_is_answered_and_the_old_one_goes_on(listen, monkeypatch):
    monkeypatch.setattr(process, "input_devices", lambda: CARDS)
    monkeypatch.setattr(process, "refresh_devices", lambda: None)
    ours, theirs = multiprocessing.Pipe()
    specs = []
    threading.Timer(0.1, lambda: ours.send((1, "nonsense"))).start()
    listen(FakeSource(0.1, count=2000), FakeSource(0.1, count=10), specs=specs, requests=theirs)
    assert [spec.input for spec in specs] == ["default", "nonsense", "default"]
    found = [ours.recv() for _ in range(3)]
    assert Answer(1, "no audio input 'nonsense'") in found


CARDS = [InputDevice(n, "twin", 2, 48000.0, False) for n in range(2)]


def test_the_quietest_sound_is_no_perfect_silence(listen, monkeypatch):
    monkeypatch.setattr(process, "SILENT_REOPEN", 0.1)
    monkeypatch.setattr(process, "SILENT_TELL", 0.2)
    opened, seen = listen(FakeSource(1e-7, count=100))
    assert opened == [False]
    assert not any(status.message for status in seen[:-1])


def test_silence_in_a_file_is_the_files_business(listen, monkeypatch):
    monkeypatch.setattr(process, "SILENT_REOPEN", 0.1)
    monkeypatch.setattr(process, "SILENT_TELL", 0.2)
    opened, seen = listen(FakeSource(0.0, count=100), spec=AudioSpec("rest.wav"))
    assert len(opened) == 1
    assert not any("permission" in status.message for status in seen)


def test_few_overflows_are_only_counted(listen):
    opened, seen = listen(FakeSource(0.1, overflow=True, count=5))
    assert (opened, seen[-1].overflows) == ([False], 5)


def test_a_session_goes_on_from_what_the_last_one_left(listen, rings):
    listen(FakeSource(0.1, count=20))
    last = Hop.unpack(rings[0].slot(rings[0].newest()))
    listen(FakeSource(0.1, count=5))
    first = Hop.unpack(rings[0].slot(rings[0].newest() - 4))
    assert first.sample == last.sample + HOP


def test_gain_is_taken_from_the_show_even_if_it_was_set_before(listen, rings):
    rings[3].write(AudioControl(0.5, 1.0, False).pack())
    listen(FakeSource(0.2, count=5))
    assert Hop.unpack(rings[0].slot(rings[0].newest())).samples[0, 0] == pytest.approx(0.1)


def test_the_sensitivity_is_taken_from_the_show_even_if_it_was_set_before(listen, rings, monkeypatch):
    taken = []
    monkeypatch.setattr("livemusviz.features.loop.FeaturesLoop.set_sensitivity", lambda _, value: taken.append(value))
    listen(FakeSource(0.2, count=5), spec=AudioSpec("rest.wav", sensitivity=0.5))
    assert set(taken) == {0.5}
    rings[3].write(AudioControl(1.0, 2.0, False).pack())
    listen(FakeSource(0.2, count=5))
    assert taken[-1] == 2.0


class FakePortAudio:
    """Takes only the sample rates it is told to; keeps the arguments of the streams it made."""

    class PortAudioError(Exception):
        pass

    def __init__(self, rates):
        self.rates, self.made = rates, []

    def InputStream(self, **options):
        if options["samplerate"] not in self.rates:
            raise self.PortAudioError("Error opening InputStream: Invalid sample rate [PaErrorCode -9997]")
        self.made.append(options)
        return self

    active = True

    def start(self):
        pass


def device(monkeypatch, rates, channels=2, rate=44100.0, steady=False, chosen=(), wide=False):
    from livemusviz.audio import source
    from livemusviz.audio.devices import InputDevice

    fake = FakePortAudio(rates)
    monkeypatch.setattr(source, "load_portaudio", lambda: fake)
    return fake, DeviceSource(InputDevice(3, "line", channels, rate, True), steady, chosen, wide)


def test_a_device_is_opened_at_the_shows_rate_if_it_takes_it(monkeypatch):
    fake, source = device(monkeypatch, {44100.0, 48000.0})
    options = fake.made[0]
    assert (source.rate, options["blocksize"], options["device"], options["channels"]) == (48000.0, 256, 3, 2)
    assert (options["dtype"], options["latency"]) == ("float32", "low")


@pytest.mark.parametrize(("rate", "block"), [(8000.0, 43), (16000.0, 85), (44100.0, 235), (96000.0, 512)])
def test_else_at_its_own_rate_and_never_with_block_size_0(monkeypatch, rate, block):
    fake, source = device(monkeypatch, {rate}, channels=1, rate=rate, steady=True)
    assert (source.rate, fake.made[0]["blocksize"], fake.made[0]["channels"]) == (rate, block, 1)
    assert fake.made[0]["latency"] == "high"


@pytest.mark.parametrize(
    ("channels", "options", "opened"),
    [
        (18, {}, 18),
        (18, {"chosen": (3, 4)}, 18),
        (200, {"chosen": (50,)}, 64),
        (64, {}, 2),  # a system's mixer
        (64, {"wide": True}, 64),
    ],
)
def test_all_inputs_of_a_card_are_opened(monkeypatch, channels, options, opened):
    monkeypatch.setattr(sys, "platform", "linux")
    fake, _ = device(monkeypatch, {48000.0}, channels=channels, **options)
    assert fake.made[0]["channels"] == opened


def test_sound_on_other_inputs_is_said_for_a_while(monkeypatch):
    _, source = device(monkeypatch, {48000.0}, channels=18)
    source.start(lambda block, began, overflow: None)
    block = np.zeros((HOP, 18), np.float32)
    block[:, 2:4] = 0.5
    remarks = []
    for _ in range(int(50 * 48000 / HOP)):
        play(source, block)
        remarks.append(source.remark())
    heard = "inputs 1-2 of line are silent, there is sound on 3-4: all are mixed; --input 'line:3-4' hears those alone"
    assert set(remarks) == {"", heard} and remarks[0] == remarks[-1] == ""
    assert remarks.count(heard) * HOP / 48000 == pytest.approx(30.0, abs=0.1)

    _, chosen = device(monkeypatch, {48000.0}, channels=18, chosen=(1, 2))
    chosen.start(lambda block, began, overflow: None)
    for _ in range(int(6 * 48000 / HOP)):
        play(chosen, block)
    assert chosen.remark() == "inputs 1-2 of line are silent, there is sound on 3-4"


def play(source, block):
    when = type("when", (), {"currentTime": 5.0, "inputBufferAdcTime": 4.99})
    source._callback(block, len(block), when, type("status", (), {"input_overflow": False}))


def test_a_device_that_takes_no_rate_says_so(monkeypatch):
    from livemusviz.errors import UserError

    with pytest.raises(UserError, match="'line' cannot be opened.*Invalid sample rate"):
        device(monkeypatch, set())


def test_the_drivers_own_words_are_found():
    words = (
        "Error opening InputStream: Unanticipated host error [PaErrorCode -9999]: 'Input/output error' [ALSA error -5]"
    )
    assert _reason(Exception(words)) == "Input/output error"
    assert _reason(Exception("Device unavailable [PaErrorCode -9985]")) == "Device unavailable [PaErrorCode -9985]"
    assert _reason(None) == "unknown reason"


@pytest.mark.parametrize(
    ("current", "adc", "expected"), [(5.0, 4.99, 0.01), (1.8e9, 1.8e9 - 0.02, 0.02), (0.0, 0.0, None), (5.0, 1.0, None)]
)
def test_capture_time_is_the_drivers_if_it_makes_sense(monkeypatch, current, adc, expected):
    """Clocks with any epoch are fine; a driver that tells nothing, or nonsense, is taken to be one block late."""
    _, source = device(monkeypatch, {48000.0})
    heard = []
    source.start(lambda block, began, overflow: heard.append((began, overflow)))
    when = type("when", (), {"currentTime": current, "inputBufferAdcTime": adc})
    status = type("status", (), {"input_overflow": True})
    before = time.perf_counter()
    source._callback(np.zeros((HOP, 2), np.float32), HOP, when, status)
    began, overflow = heard[0]
    assert overflow
    assert before - began == pytest.approx(HOP / 48000.0 if expected is None else expected, abs=0.005)
