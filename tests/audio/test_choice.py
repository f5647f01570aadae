"""Which device, and which of its channels, a name means."""

import pytest

from livemusviz.audio.choice import InputDevice, choose_input, find_input, ranges
from livemusviz.errors import UserError
from livemusviz.names import numbered

CARDS = [
    InputDevice(0, "Scarlett 18i20: USB Audio (hw:2,0)", 18, 48000.0, False),
    InputDevice(1, "USB mic: Audio (hw:3,0)", 1, 48000.0, True),
    InputDevice(2, "twin", 2, 48000.0, False),
    InputDevice(3, "mixer:4", 4, 48000.0, False),
    InputDevice(4, "twin", 8, 48000.0, False),
]


@pytest.mark.parametrize(
    ("text", "index", "channels"),
    [
        ("scarlett:3-4", 0, (3, 4)),
        ("Scarlett 18i20: USB Audio (hw:2,0):17", 0, (17,)),
        ("18i20:1-18", 0, tuple(range(1, 19))),
        ("default:1", 1, (1,)),
        ("default", 1, ()),
        ("mixer:4", 3, ()),  # its name
        ("mixer:4:4", 3, (4,)),
        ("hw:3", 1, ()),  # part of a name
        ("twin", 2, ()),
        ("twin#2", 4, ()),
        ("TWIN#2:7-8", 4, (7, 8)),
    ],
)
def test_channels_are_told_from_names(text, index, channels):
    device, found = choose_input(text, CARDS)
    assert (device.index, found) == (index, channels)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("scarlett:19", "'Scarlett 18i20: USB Audio \\(hw:2,0\\)' has inputs 1-18; ':19' is none of them"),
        ("scarlett:4-3", "':4-3' is none of them"),
        ("scarlett:0", "':0' is none of them"),
        ("twin#3", "there are 2 of that name"),
        ("Focusrite:3-4", "no audio input 'Focusrite'; there are: .*'twin', 'mixer:4', 'twin#2'"),
        ("hw:", "ambiguous"),
    ],
)
def test_what_there_is_not_is_said(text, says):
    with pytest.raises(UserError, match=says):
        choose_input(text, CARDS)


def test_a_card_is_found_again_though_its_number_has_changed():
    for name in ("Scarlett 18i20: USB Audio (hw:1,0)", "USB mic: Audio (hw:0,0)"):
        assert find_input(name, CARDS).name.partition(" (hw")[0] == name.partition(" (hw")[0]
    assert choose_input("Scarlett 18i20: USB Audio (hw:9,0):3-4", CARDS)[1] == (3, 4)
    two = [InputDevice(n, f"Dock: Audio (hw:{n},0)", 2, 48000.0, False) for n in (1, 2)]
    assert find_input("Dock: Audio (hw:2,0)", two).index == 2
    assert find_input("Dock: Audio (hw:5,0)", two).index == 1
    assert find_input("Dock: Audio#2", two).index == 2


def test_names_are_numbered_as_they_are_found():
    names = numbered(device.name for device in CARDS)
    assert [find_input(name, CARDS).index for name in names] == [0, 1, 2, 3, 4]


def test_ranges():
    assert ranges([1, 2, 3, 5, 7, 8]) == "1-3, 5, 7-8" and ranges([]) == ""
