"""MIDI controls to events: fader, toggle, momentary, trigger, soft takeover, and the file they are kept in."""

import os
from pathlib import Path

import pytest

from livemusviz.bridge.control import ControlEvent
from livemusviz.control.midi.mapping import Binding, Key, MidiMap, bind_control, load_map, save
from livemusviz.errors import UserError
from livemusviz.params.values import ParamValues

CC, NOTE = Key("cc", 1, 21), Key("note", 10, 36)


class Surface:
    """A map, and the values of a show that does what it asks for at once."""

    def __init__(self, *bindings: Binding, **values: object) -> None:
        self.map = MidiMap(bindings)
        self.values = ParamValues().with_values(values)
        self.time = 0.0

    def move(self, key: Key, value: int) -> list[ControlEvent]:
        self.time += 0.01
        found = self.map.events(key, value, self.values.values, self.time)
        for event in found:
            if event.name not in self.values.registry.actions:
                self.values = self.values.with_value(event.name, event.value)
        return found


def test_a_fader_spans_the_range_or_a_part_of_it() -> None:
    surface = Surface(bind_control(CC, "/gain"), gain=0.0)
    values = [event.value for n in range(128) for event in surface.move(CC, n)]
    assert values[0] == 0.0 and values[-1] == 32.0 and values == sorted(values) and len(values) == 128
    surface = Surface(bind_control(CC, "/gain 2 1"), gain=2.0)  # upside down
    assert [event.value for n in (0, 127) for event in surface.move(CC, n)] == [2.0, 1.0]
    surface = Surface(bind_control(CC, "/seed 0 127"), seed=0)
    assert [event.value for n in (0, 5, 127) for event in surface.move(CC, n)] == [0, 5, 127]


def test_soft_takeover_waits_until_the_fader_has_come_by() -> None:
    surface = Surface(bind_control(CC, "/ssf"), ssf=0.5)
    assert [surface.move(CC, n) for n in (0, 10, 20, 40)] == [[], [], [], []]
    assert surface.move(CC, 70)  # passed 0.5
    assert surface.move(CC, 100) and surface.values.params.ssf == pytest.approx(100 / 127)
    surface.values = surface.values.with_value("ssf", 0.1)  # a preset moves it; 0.25 s and more go by
    surface.time += 1.0
    assert surface.move(CC, 99) == [] and surface.move(CC, 80) == []
    assert surface.move(CC, 12) and surface.move(CC, 90)


def test_a_quick_hand_keeps_the_fader_though_the_show_is_a_frame_behind() -> None:
    midi_map = MidiMap((bind_control(CC, "/ssf"),))
    values = ParamValues().with_value("ssf", 0.0).values  # as known: never updated within this frame
    moved = [midi_map.events(CC, n, values, n / 10_000) for n in range(0, 128, 9)]
    assert all(moved)


def test_switches() -> None:
    surface = Surface(bind_control(NOTE, "/freeze"), bind_control(CC, "/blackout momentary"))
    assert [event.value for event in surface.move(NOTE, 90)] == [True]
    assert surface.move(NOTE, 0) == []
    assert [event.value for event in surface.move(NOTE, 1)] == [False]  # however softly
    assert [surface.move(CC, n)[0].value for n in (127, 0)] == [True, False]


def test_actions_fire_once_a_press() -> None:
    surface = Surface(bind_control(NOTE, "/tap"), bind_control(CC, "/cue/next"))
    pressed = [surface.move(NOTE, n) for n in (100, 0, 3, 0)]
    assert [[event.name for event in found] for found in pressed] == [["tap"], [], ["tap"], []]
    assert [len(surface.move(CC, n)) for n in (10, 63, 64, 90, 127, 20, 127)] == [0, 0, 1, 0, 0, 0, 1]


def test_a_choice_is_dialled() -> None:
    surface = Surface(bind_control(CC, "/quantise"))
    assert [surface.move(CC, n)[0].value for n in (0, 30, 127)] == ["none", "beat", "4_bar"]


def test_one_control_moves_one_thing_and_one_thing_has_one_control() -> None:
    midi_map = MidiMap().with_binding(bind_control(CC, "/gain")).with_binding(bind_control(CC, "/ssf"))
    assert [binding.address for binding in midi_map.bindings] == ["/ssf"]
    midi_map = midi_map.with_binding(bind_control(NOTE, "/tap")).with_binding(bind_control(Key("note", 1, 1), "/tap"))
    assert len(midi_map.bindings) == 2 and not midi_map.without("/tap").without("/ssf").bindings


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("", "no address"),
        ("/gian", "did you mean '/gain'"),
        ("/gain 0", "minimum and maximum"),
        ("/gain 0 loud", "are not two numbers"),
        ("/gain 0 99", "outside 0..32"),
        ("/gain toggle", "can be fader"),
        ("/tap fader", "can be trigger"),
        ("/prompt", "takes str"),
        ("/cue/list", "takes prompts"),
        ("/gain nan nan", "outside"),
    ],
)
def test_wishes_that_make_no_sense(wish: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        bind_control(CC, wish)


def test_the_map_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "midi.toml"
    midi_map = MidiMap(
        (
            bind_control(CC, "/gain 0.5 2"),
            bind_control(NOTE, "/freeze momentary"),
            bind_control(Key("note", 1, 0), "/tap"),
        )
    )
    save(path, midi_map)
    assert load_map(path).bindings == midi_map.bindings
    assert load_map(tmp_path / "none.toml").bindings == ()
    assert list(path.parent.iterdir()) == [path]


BAD = {
    "binary": (b"\xff\xfe\0", "not TOML"),
    "no TOML": (b"][", "not TOML"),
    "version": (b"version = 9", "version must be 1"),
    "no table": (b"version = 1\nbind = [3]", "binding 1: not a table"),
    "channel": (b'version = 1\n[[bind]]\nmessage = "cc"\nchannel = 17\nnumber = 1\naddress = "/gain"', "channel 1..16"),
    "address": (b'version = 1\n[[bind]]\nmessage = "cc"\nchannel = 1\nnumber = 1\naddress = "/gian"', "/gain"),
    "true": (b'version = 1\n[[bind]]\nmessage = "cc"\nchannel = true\nnumber = 1\naddress = "/gain"', "channel 1..16"),
    "1.0": (b'version = 1\n[[bind]]\nmessage = "cc"\nchannel = 1\nnumber = 1.0\naddress = "/gain"', "number 0..127"),
    "digits": (b"version = 1\n[[bind]]\nnumber = 1" + b"0" * 400, r"bind\[0\].number: a whole number of 401 digits"),
    "infinite": (
        b'version = 1\n[[bind]]\nmessage = "cc"\nchannel = 1\nnumber = 1\naddress = "/seed"\nminimum=0\nmaximum=inf',
        "binding 1: seed: inf is not a whole number",
    ),
    "huge": (b"a" * 70_000, "too large"),
    "dots": (b"a." * 20_000 + b"b = 1", "too large"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_map_is_one_line(case: str, tmp_path: Path) -> None:
    data, says = BAD[case]
    path = tmp_path / "midi.toml"
    path.write_bytes(data)
    with pytest.raises(UserError, match=says) as caught:
        load_map(path)
    assert "\n" not in str(caught.value)


def test_a_map_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the MIDI map"):
        save(tmp_path / "file" / "midi.toml", MidiMap())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "midi.toml")
    with pytest.raises(UserError, match="not a regular file"):
        load_map(tmp_path / "midi.toml")
