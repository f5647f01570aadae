import numpy as np
import pytest

from livemusviz.director.playlist import Entry, PresetPlayer, parse_playlist
from livemusviz.errors import UserError

NAMES = ("a", "b", "c", "d")


def player(*entries):
    return PresetPlayer(entries or [Entry(name) for name in NAMES], np.random.default_rng(1))


def test_next_and_previous_go_round():
    p = player()
    assert [p.next() for _ in range(5)] == ["a", "b", "c", "d", "a"]
    assert [p.previous() for _ in range(2)] == ["d", "c"]
    assert player().previous() == "d"


def test_random_is_always_another():
    p = player()
    chosen = [p.random() for _ in range(200)]
    assert set(chosen) == set(NAMES)
    assert all(a != b for a, b in zip(chosen, chosen[1:], strict=False))
    assert player(Entry("only")).random() == "only"


def test_by_number():
    assert player().number(3) == "c"
    with pytest.raises(UserError, match="preset 9: there are 4"):
        player().number(9)


def test_next_goes_on_from_a_preset_chosen_by_name():
    p = player()
    p.loaded("c")
    assert p.current == "c" and p.next() == "d"
    p.loaded("not in the list")
    assert p.next() == "a"


def test_the_autopilot_keeps_the_durations():
    p = player(Entry("a", 10.0), Entry("b"), Entry("c", 5.0))
    p.loaded(p.next())
    changes = []
    for tick in range(0, 600):
        due = p.due(tick / 10.0, 2.0)
        if due:
            changes.append((tick / 10.0, due))
            p.loaded(due)
    assert changes[:4] == [(10.0, "b"), (12.1, "c"), (17.2, "a"), (27.3, "b")]


def test_it_rests_while_locked_and_without_durations():
    p = player()
    p.loaded(p.next())
    assert all(p.due(t, 0.0) is None for t in (0.0, 1000.0))
    p.locked = True
    assert all(p.due(t, 1.0) is None for t in (2000.0, 3000.0))
    assert p.next() == "b", "by hand it still goes"
    p.locked = False
    p.due(4000.0, 1.0)
    assert p.due(4001.0, 1.0) == "c"


def test_a_playlist_as_it_is_written():
    assert parse_playlist("p", ["a", {"preset": "b", "seconds": 30}]) == (Entry("a"), Entry("b", 30.0))


@pytest.mark.parametrize(
    "raw",
    [None, [], "a", [1], [{"preset": 1}], [{"seconds": 5}], [{"preset": "a", "seconds": 0.1}],
     [{"preset": "a", "x": 1}], ["a"] * 513,
     [{"preset": "a", "seconds": float("nan")}], [{"preset": "a", "seconds": True}]],
)  # fmt: skip
def test_bad_playlists_are_one_line(raw):
    with pytest.raises(UserError, match="^p: "):
        parse_playlist("p", raw)
