"""The MIDI thread, with a stand-in for mido, and through a real virtual port where JACK is to be had."""

import importlib.util
import os
import shutil
import subprocess
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
from livemusviz.control.midi import loop as midi_loop
from livemusviz.control.midi.loop import MISSING, MidiControl, open_backend
from livemusviz.errors import UserError
from livemusviz.params.registry import ACTIONS
from livemusviz.params.values import ParamValues


class FakeMido:
    """Inputs by name; `play` sends a message as rtmidi's thread would."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.open: dict[str, Callable[[Any], None]] = {}

    def get_input_names(self) -> list[str]:
        return self.names

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
    monkeypatch.setattr(midi_loop, "open_backend", lambda: made)
    monkeypatch.setattr(midi_loop, "LOOK", 0.02)
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
