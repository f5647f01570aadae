"""The MIDI thread, with a stand-in for mido, and through a real virtual port where JACK is to be had."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import pytest

from livemusviz.bridge.control import ControlEvent, ShowState
from livemusviz.bridge.events import CoalescedEvents
from livemusviz.bridge.features import AudioFeatures
from livemusviz.clock import SystemClock
from livemusviz.control.midi import inputs as midi_inputs
from livemusviz.control.midi.loop import MidiControl
from livemusviz.control.midi.mapping import load_map
from livemusviz.control.midi.ports import MISSING, MidiPorts, open_backend, output_of
from livemusviz.control.midi.surface import HELD
from livemusviz.errors import UserError
from livemusviz.names import numbered
from livemusviz.params.registry import ACTIONS
from livemusviz.params.values import ParamValues


class FakeMido:
    """Inputs by name; `play` sends a message as rtmidi's thread would. Surfaces in `shown` have an output too."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.open: dict[str, Callable[[Any], None]] = {}
        self.shown: dict[str, list[mido.Message]] = {}

    def get_input_names(self) -> list[str]:
        return self.names

    def get_output_names(self) -> list[str]:
        return list(self.shown)

    def open_output(self, name: str, virtual: bool) -> Any:
        fake = self

        class Port:
            def send(self, message: mido.Message) -> None:
                fake.shown[name].append(message)

            def close(self) -> None:
                pass

        return Port()

    def open_input(self, name: str, virtual: bool, callback: Callable[[Any], None]) -> Any:
        fake, self.open[name] = self, callback

        class Port:
            def close(self) -> None:
                del fake.open[name]

        return Port()

    def play(self, name: str, *messages: mido.Message) -> None:
        for message in messages:
            self.open[name](message)


def cc(number: int, value: int) -> mido.Message:
    return mido.Message("control_change", control=number, value=value)


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


class Rig:
    def __init__(self, folder: Path, fake: FakeMido | None, ports: str = "all") -> None:
        self.events = CoalescedEvents(ACTIONS)
        self.told: list[str] = []
        self.path = folder / "midi.toml"
        self.midi = MidiControl(SystemClock(), self.events, ports, self.path, self.told.append)
        self.midi.publish(ShowState(1, ParamValues().with_value("ssf", 0.0).values, AudioFeatures.rest(0.0)))
        self.heard: list[ControlEvent] = []

    def value(self, name: str) -> object:
        self.heard += self.events.drain()
        return next((event.value for event in reversed(self.heard) if event.name == name), None)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeMido:
    made = FakeMido("nanoKONTROL", "keys")
    monkeypatch.setattr(midi_inputs, "open_backend", lambda: made)
    monkeypatch.setattr(midi_inputs, "LOOK", 0.02)
    return made


@pytest.fixture
def rig(tmp_path: Path, fake: FakeMido) -> Iterator[Rig]:
    made = Rig(tmp_path, fake)
    made.midi.start()
    wait_until(lambda: len(fake.open) == 2)
    yield made
    made.midi.close()


def test_a_learned_fader_moves_and_is_remembered(rig: Rig, fake: FakeMido) -> None:
    fake.play("nanoKONTROL", cc(7, 3))
    wait_until(lambda: rig.midi.messages == 1)
    rig.midi.learn("/ssf 0 0.5")
    fake.play("nanoKONTROL", cc(9, 1), cc(9, 60), cc(9, 127), cc(7, 5))
    wait_until(lambda: rig.value("ssf") == 0.5)
    assert rig.midi.learning == "" and not rig.told
    assert "number = 9" in rig.path.read_text()
    rig.midi.forget("/ssf")
    fake.play("nanoKONTROL", cc(9, 0))
    wait_until(lambda: rig.midi.messages == 6)
    assert rig.value("ssf") == 0.5


def test_what_cannot_be_learned_is_said_at_once(rig: Rig) -> None:
    with pytest.raises(UserError, match="takes str"):
        rig.midi.learn("/prompt")
    rig.midi.learn("/gain")
    rig.midi.learn("")
    assert rig.midi.learning == ""


def test_inputs_come_and_go(rig: Rig, fake: FakeMido, caplog: pytest.LogCaptureFixture) -> None:
    fake.names.remove("keys")
    wait_until(lambda: "keys" not in fake.open)
    fake.names.append("pads")
    wait_until(lambda: "pads" in fake.open)
    assert set(rig.midi.inputs) == {"nanoKONTROL", "pads"} and "keys has gone" in caplog.text


def test_an_input_that_is_not_there_is_waited_for_and_said(
    tmp_path: Path, fake: FakeMido, caplog: pytest.LogCaptureFixture
) -> None:
    made = Rig(tmp_path, fake, ports="pads")
    made.midi.start()
    wait_until(lambda: "no MIDI input 'pads' yet; there are: nanoKONTROL, keys" in caplog.text)
    fake.names.append("my pads 2")
    wait_until(lambda: made.midi.inputs == ("my pads 2",))
    made.midi.close()


def test_an_input_that_another_program_holds_is_said_once_and_keeps_no_other_out(
    tmp_path: Path, fake: FakeMido, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, open_input = ["nanoKONTROL"], fake.open_input
    tried: list[str] = []

    def refusing(name: str, virtual: bool, callback: Callable[[Any], None]) -> Any:
        tried.append(name)
        if name in held:
            raise OSError("MidiInWinMM::openPort: error creating Windows MM MIDI input port.")
        return open_input(name, virtual, callback)

    monkeypatch.setattr(fake, "open_input", refusing)
    made = Rig(tmp_path, fake)
    made.midi.start()
    wait_until(lambda: made.midi.inputs == ("keys",) and tried.count("nanoKONTROL") > 3)
    assert caplog.text.count("MIDI input nanoKONTROL cannot be opened") == 1 and not made.told
    held.clear()
    wait_until(lambda: "nanoKONTROL" in made.midi.inputs)
    made.midi.close()


def test_an_input_is_found_in_letters_of_either_size(tmp_path: Path, fake: FakeMido) -> None:
    made = Rig(tmp_path, fake, ports="nanokontrol")
    made.midi.start()
    wait_until(lambda: made.midi.inputs == ("nanoKONTROL",))
    made.midi.close()


def test_a_fader_that_sends_nrpn_is_learned_by_its_value(rig: Rig, fake: FakeMido) -> None:
    rig.midi.learn("/ssf")
    for value in (1, 60, 127):
        fake.play("nanoKONTROL", cc(99, 3), cc(98, 7), cc(6, value), cc(38, 0))
    wait_until(lambda: rig.value("ssf") == 1.0)
    assert [binding.key.number for binding in load_map(rig.path).bindings] == [6]
    rig.midi.learn("/gain")
    fake.play("nanoKONTROL", cc(98, 1), cc(98, 2))  # and a plain fader may have one of these numbers
    wait_until(lambda: rig.midi.learning == "")
    assert [binding.key.number for binding in load_map(rig.path).bindings] == [6, 98]


def test_a_fault_is_told_and_the_thread_goes_on(rig: Rig, fake: FakeMido) -> None:
    names, fake.names = fake.names, None  # type: ignore[assignment]
    wait_until(lambda: rig.midi.faults > 0)
    fake.names = names
    wait_until(lambda: set(rig.midi.inputs) == set(names))
    rig.midi.learn("/tap")
    fake.play("keys", mido.Message("note_on", note=1, velocity=9))
    wait_until(lambda: rig.value("tap") == "")
    assert rig.told[0].startswith("MIDI: ")


def test_a_bad_map_is_told_and_left_as_it_is(tmp_path: Path, fake: FakeMido) -> None:
    made = Rig(tmp_path, fake)
    made.path.write_text("nonsense")
    made.midi.start()
    made.midi.close()
    assert "not TOML" in made.told[0] and made.path.read_text() == "nonsense"


def test_a_clock_is_read(rig: Rig, fake: FakeMido) -> None:
    fake.play("keys", mido.Message("start"), *[mido.Message("clock")] * 12)
    wait_until(lambda: rig.midi.messages == 13)
    assert rig.midi.faults == 0


def test_program_change_chooses_the_entry_counted_from_1(rig: Rig, fake: FakeMido) -> None:
    fake.play("keys", mido.Message("program_change", program=4, channel=9))
    wait_until(lambda: rig.value("preset") == "#5")


@pytest.mark.parametrize(
    ("turns", "mode", "steps"),
    [((1, 1, 127), "relative", 1), ((1, 2, 65), "relative", 2), ((65, 65, 66, 63), "relative64", 3)],
    ids=["two's complement", "sign and size", "about 64"],
)
def test_an_encoder_is_learned_with_its_coding(
    rig: Rig, fake: FakeMido, turns: tuple[int, ...], mode: str, steps: int
) -> None:
    rig.midi.learn("/gain relative")
    fake.play("nanoKONTROL", *[cc(21, turn) for turn in turns])
    wait_until(lambda: rig.midi.messages == len(turns))
    wait_until(lambda: rig.value("gain") == pytest.approx(1.0 + steps * 32 / 127))
    assert f'mode = "{mode}"' in rig.path.read_text()
    assert load_map(rig.path).bindings == rig.midi.map.bindings


def test_a_surface_is_shown_what_moves_and_a_hand_is_left_alone(rig: Rig, fake: FakeMido) -> None:
    fake.shown = {"nanoKONTROL": [], "another program": []}
    rig.midi.learn("/ssf")
    fake.play("nanoKONTROL", cc(9, 2))
    wait_until(lambda: not rig.midi.learning)
    values = ParamValues().with_values({"ssf": 1.0, "freeze": True})
    rig.midi.publish(ShowState(2, values.values, AudioFeatures.rest(0.0)))
    wait_until(lambda: fake.shown["nanoKONTROL"] == [cc(9, 127)])
    fake.play("nanoKONTROL", cc(9, 127))  # a bus that hands back what it is sent
    rig.midi.learn("/freeze")
    fake.play("nanoKONTROL", mido.Message("note_on", note=3, velocity=64))
    lamp = mido.Message("note_on", note=3, velocity=127)
    wait_until(lambda: fake.shown["nanoKONTROL"][1:] == [lamp])
    held = SystemClock().now()
    fake.play("nanoKONTROL", cc(9, 100))
    wait_until(lambda: len(fake.shown["nanoKONTROL"]) == 3)
    assert fake.shown["nanoKONTROL"][2] == cc(9, 127) and SystemClock().now() - held >= HELD
    assert fake.shown["another program"] == []


def test_an_output_belongs_to_the_input_of_its_name() -> None:
    assert output_of("nanoKONTROL#2", ["nanoKONTROL", "nanoKONTROL#2"]) == "nanoKONTROL#2"
    assert output_of("keys", ["nanoKONTROL"]) is None
    assert output_of("Midi Through:Midi Through Port-0 14:0", ["Midi Through:Midi Through Port-0 14:0"]) is None


class FakeRtmidi:
    """Ports that are opened by number, as python-rtmidi has them. `opened` : number of each one opened."""

    API_UNSPECIFIED, API_UNIX_JACK = 0, 3
    names: tuple[str, ...] = ("pads", "keys", "pads")

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.callbacks: dict[int, Callable[[Any], None]] = {}
        self.sent: list[list[int]] = []

    def MidiIn(self, rtapi: int) -> Any:
        fake = self

        class Port:
            number = -1

            def get_ports(self) -> list[str]:
                return list(fake.names)

            def open_port(self, number: int) -> None:
                self.number = number
                fake.opened.append(number)

            def set_callback(self, callback: Callable[..., None]) -> None:
                fake.callbacks[self.number] = lambda data: callback((data, 0.0), None)

            def send_message(self, data: list[int]) -> None:
                fake.sent.append(data)

            def cancel_callback(self) -> None:
                del fake.callbacks[self.number]

            def ignore_types(self, **kinds: bool) -> None: ...

            def close_port(self) -> None: ...

            def delete(self) -> None: ...

        return Port()

    MidiOut = MidiIn


def test_two_controllers_of_one_name_both_play(tmp_path: Path, fake: FakeMido, monkeypatch: pytest.MonkeyPatch) -> None:
    twins = FakeRtmidi()
    monkeypatch.setitem(sys.modules, "rtmidi", twins)
    fake.names[:] = twins.names
    made = Rig(tmp_path, fake)
    made.midi.start()
    wait_until(lambda: made.midi.inputs == ("pads", "keys", "pads#2"))
    assert twins.opened == [2]
    twins.callbacks[2]([0x90, 60, 99])
    twins.callbacks[2]([0xF7])  # no message
    twins.callbacks[2]([0xC0, 6])
    fake.play("pads", mido.Message("program_change", program=1))
    wait_until(lambda: made.midi.messages == 3)
    assert made.value("preset") in ("#2", "#7")
    fake.names.pop()  # one of them is pulled out: which one is not known, so both are opened anew
    wait_until(lambda: made.midi.inputs == ("keys", "pads") and 2 not in twins.callbacks)
    made.midi.close()


def test_the_second_output_of_a_name_is_sent_to_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = FakeRtmidi()
    monkeypatch.setitem(sys.modules, "rtmidi", twins)
    fake = FakeMido("pads", "pads")
    fake.shown = {"pads": []}
    ports = MidiPorts(fake)
    port = ports.open_output("pads#2")
    port.send(cc(1, 2))
    port.close()
    assert twins.opened == [2] and twins.sent == [[0xB0, 1, 2]]
    with pytest.raises(OSError, match="pads#3 has gone"):
        ports.open_output("pads#3")
    assert numbered(["a", "b", "a", "a"]) == ["a", "b", "a#2", "a#3"]


def test_a_system_without_a_sequencer_starts_and_looks_again(
    tmp_path: Path, fake: FakeMido, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    there: list[FakeMido] = []

    def backend() -> FakeMido:
        if not there:
            raise UserError("no MIDI on this machine (no sequencer)")
        return there[0]

    monkeypatch.setattr(midi_inputs, "open_backend", backend)
    monkeypatch.setattr(midi_inputs, "midi_available", lambda: bool(there))
    made = Rig(tmp_path, fake)
    made.midi.start()
    assert "no MIDI on this machine (no sequencer); the show goes on and looks again" in caplog.text
    there.append(fake)
    wait_until(lambda: made.midi.inputs == ("nanoKONTROL", "keys"))
    made.midi.close()
    assert made.midi.faults == 0 and not made.told


def test_F_without_the_extra_the_message_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without_rtmidi(name: str, *arguments: Any) -> Any:
        if "rtmidi" in name:
            raise ModuleNotFoundError("No module named 'rtmidi'")
        return real(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", without_rtmidi)
    monkeypatch.delenv("MIDO_BACKEND", raising=False)
    with pytest.raises(UserError) as caught:
        open_backend()
    assert str(caught.value) == MISSING and "livemusviz[midi]" in MISSING


@pytest.fixture
def jack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A JACK server without a sound card: its MIDI ports need no kernel sequencer."""
    if shutil.which("jackd") is None or importlib.util.find_spec("rtmidi") is None:
        pytest.skip("jackd2 or python-rtmidi is not installed")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", f"livemusviz-{os.getpid()}")
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    monkeypatch.setenv("MIDO_BACKEND", "mido.backends.rtmidi/UNIX_JACK")
    command = ["jackd", "-r", "-n", os.environ["JACK_DEFAULT_SERVER"], "-d", "dummy", "-r", "48000", "-p", "256"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: server.poll() is not None or _jack_runs())
        if server.poll() is not None:
            pytest.skip("jackd does not run here")
        yield
    finally:
        server.terminate()
        server.wait(5)
        assert server.stdout is not None
        server.stdout.close()


def _jack_runs() -> bool:
    try:
        open_backend()
        return True
    except UserError:
        return False


def test_a_virtual_port_drives_a_learned_fader(jack: None, tmp_path: Path) -> None:
    rig = Rig(tmp_path, None, ports="virtual")
    rig.midi.start()
    backend = open_backend()
    wait_until(lambda: any("livemusviz" in name for name in backend.get_output_names()))
    name = next(name for name in backend.get_output_names() if "livemusviz" in name)
    with backend.open_output(name) as keys:
        rig.midi.learn("/ssf")
        for value in (1, 40, 80, 127):
            keys.send(cc(21, value))
        wait_until(lambda: rig.value("ssf") == 1.0)
        with backend.open_input(next(name for name in backend.get_input_names() if "livemusviz" in name)) as surface:
            rig.midi.publish(ShowState(2, ParamValues().with_value("ssf", 0.5).values, AudioFeatures.rest(0.0)))
            assert surface.receive() == cc(21, 64)
        keys.send(mido.Message("start"))
        began = time.monotonic()
        for n in range(48):  # two beats at 150
            time.sleep(max(0.0, began + n / 60 - time.monotonic()))
            keys.send(mido.Message("clock"))
        wait_until(lambda: rig.midi.messages >= 4 + 49)
        found = rig.midi.read_clock(SystemClock().now())
    rig.midi.close()
    assert found is not None and found.beat == pytest.approx(47 / 24)  # its tempo depends on how busy the machine is
    assert not rig.told and rig.midi.faults == 0
