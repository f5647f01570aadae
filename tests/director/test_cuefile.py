"""Cue files: a ladder from good to absurd, and where cues land."""

import pytest

from livemusviz.director.cuefile import MAX_BYTES, Change, parse_cues, place_cues
from livemusviz.errors import UserError

GOOD = b"""
version = 1
[[cue]]
time = "1:02:03.5"
prompt = "red lava"
fade = 4
[[cue]]
bar = 3.5
preset = "ocean"
walk_speed = 0.3
[[cue]]
time = 0
blackout = true
"""
BARS = [0.5, 2.5, 4.5, 6.5]


def presets(name: str) -> dict[str, object]:
    if name != "ocean":
        raise UserError(f"no preset '{name}'")
    return {"prompt": "deep blue ocean", "walk_speed": 0.1}


def parse(text: str) -> list[Change]:
    return place_cues(parse_cues("set.toml", f"version = 1\n{text}".encode(), presets), BARS)


def test_times_and_bars_become_changes_in_the_order_of_time() -> None:
    changes = place_cues(parse_cues("set.toml", GOOD, presets), BARS)
    assert changes == [
        Change(0.0, {"blackout": True}),
        Change(5.5, {"prompt": "deep blue ocean", "walk_speed": 0.3, "preset": "ocean"}),
        Change(3723.5, {"prompt": "red lava", "fade": 4.0}),
    ]


def test_of_two_cues_at_one_time_the_later_in_the_file_wins() -> None:
    a, b = parse('[[cue]]\ntime = 1\nprompt = "a"\n[[cue]]\ntime = 1\nprompt = "b"')
    assert (a.values["prompt"], b.values["prompt"]) == ("a", "b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[cue]]\ntime = 1", "cue 1: it changes nothing"),
        ('[[cue]]\nprompt = "a"', "cue 1: give it either a time or a bar"),
        ('[[cue]]\ntime = 1\nbar = 1\nprompt = "a"', "either a time or a bar"),
        ('[[cue]]\ntime = -1\nprompt = "a"', "give 0 to 43200 s"),
        ('[[cue]]\ntime = nan\nprompt = "a"', "give 0 to 43200 s"),
        ('[[cue]]\ntime = "soon"\nprompt = "a"', "'minutes:seconds'"),
        ('[[cue]]\nbar = 0\nprompt = "a"', "bars count from 1"),
        (f'[[cue]]\ntime = 1{"0" * 400}\nprompt = "a"', "cue[0].time: a whole number of 401 digits"),
        (f'[[cue]]\ntime = 1\n"fx/grade/x" = {"9" * 4000}', "fx/grade/x: a whole number of 4000 digits"),
        ('[[cue]]\nbar = 9\nprompt = "a"', "bar 9: this track has 4 bars"),
        ('[[cue]]\ntime = 1\npromt = "a"', "no parameter 'promt'; did you mean 'prompt'"),
        ("[[cue]]\ntime = 1\nfade = 99", "outside 0..60"),
        ("[[cue]]\ntime = 1\nhud = true", "hud: is not for cues"),
        ('[[cue]]\ntime = 1\npreset = "no"', "no preset 'no'"),
        ("[[cue]]\ntime = 1\nrecord_stop = 1", "record_stop: is not for cues"),
        ("cue = 3", "write each cue as a [[cue]] table"),
        ("cues = []", "no key 'cues'"),
        ("[[cue]\n", "not TOML"),
        ("a.b.c.d.e.f.g.h.i.j.k.l = 1", "too many dots"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"version = 2", b"x" * (MAX_BYTES + 1)])
def test_files_that_are_none(data: bytes) -> None:
    with pytest.raises(UserError, match="cue file 'set.toml'"):
        parse_cues("set.toml", data, presets)


def test_a_cue_past_the_end_of_the_track_is_told() -> None:
    text = b'version = 1\n[[cue]]\ntime = 3\nprompt = "a"\n[[cue]]\ntime = "0:04.5"\nprompt = "b"'
    cues = parse_cues("set.toml", text, presets)
    assert len(place_cues(cues, [], 4.5)) == 2
    with pytest.raises(UserError, match=r"cue 2: time 4.5 s: this track has 4.4 s"):
        place_cues(cues, [], 4.4)


def test_bars_need_a_beat() -> None:
    cues = parse_cues("set.toml", b'version = 1\n[[cue]]\nbar = 2\nprompt = "a"', presets)
    with pytest.raises(UserError, match="no beat was found"):
        place_cues(cues, [])
