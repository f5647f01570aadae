"""A performance without a thread: what the performer asks for, and when it is done."""

import numpy as np
import pytest

from livemusviz.bridge.control import ControlEvent, ExternalTempi, ExternalTempo
from livemusviz.bridge.features import AudioFeatures
from livemusviz.params.param import Param
from livemusviz.params.values import ParamValues
from livemusviz.session.session import Session
from livemusviz.session.step import Step
from tests.session.content import small_content

FRAME = 1 / 60
CUES = (("one", 1.0), ("two", 3.0), ("three", 0.0))


class Hands:
    """A session at 120 bpm, and what came of each of its steps."""

    def __init__(self, **values: object) -> None:
        values = {"bpm": 120.0, **values}
        self.session = Session(small_content(), ParamValues().with_values(values), 0.0, np.random.default_rng(3))
        self.now = 0.0
        self.done: list[tuple[float, str]] = []
        self.errors: list[str] = []

    @property
    def values(self) -> ParamValues:
        return self.session.values

    def do(self, *events: ControlEvent, external: ExternalTempi | None = None) -> Step:
        step = self.session.step(self.now, AudioFeatures.rest(self.now), events=events, external=external)
        self.done += [(self.now, name) for name in step.changes]
        self.errors += step.errors
        return step

    def ask(self, name: str, value: object = "", relative: bool = False) -> Step:
        return self.do(ControlEvent(name, value, self.now, relative))  # type: ignore[arg-type]

    def wait(self, until: float) -> None:
        while self.now < until - 1e-9:
            self.now = min(self.now + FRAME, until)
            self.do()

    def when(self, name: str) -> list[float]:
        return [time for time, done in self.done if done == name]


def test_unquantised_changes_are_immediate() -> None:
    hands = Hands()
    hands.wait(0.7)
    hands.ask("prompt", "red lava")
    hands.ask("gain", 2.0)
    assert hands.values.params.prompt == "red lava" and hands.values.params.gain == 2.0


@pytest.mark.parametrize(("quantise", "at"), [("beat", 1.0), ("bar", 2.0), ("2_bar", 4.0), ("4_bar", 8.0)])
def test_quantised_changes_wait_for_their_beat_or_bar(quantise: str, at: float) -> None:
    hands = Hands(quantise=quantise)
    hands.wait(0.7)
    hands.ask("prompt", "red lava")
    hands.ask("blackout", True)  # never waits
    assert hands.do().waiting == ("prompt",) and hands.values.params.blackout
    hands.wait(at + 0.5)
    assert hands.when("prompt") == [pytest.approx(at, abs=FRAME)] and hands.do().waiting == ()


def test_the_newest_value_waits_and_every_action_does() -> None:
    hands = Hands(quantise="bar", cue_list=CUES)
    hands.wait(0.5)
    hands.ask("seed", 3)
    hands.ask("seed", 4)
    hands.ask("seed", 2, relative=True)  # on what waits
    hands.ask("cue_next")
    hands.ask("cue_next")
    hands.wait(2.1)
    assert hands.values.params.seed == 6 and len(hands.when("seed")) == 1
    assert hands.values.params.cue_number == 2 and hands.values.params.prompt == "two"


def test_a_little_late_still_belongs_to_the_bar() -> None:
    hands = Hands(quantise="4_bar")
    hands.wait(8.05)
    hands.ask("prompt", "red lava")
    assert hands.when("prompt") == [pytest.approx(8.05)]


def test_letting_go_of_the_grid_or_resyncing_lets_go_of_what_waits() -> None:
    hands = Hands(quantise="4_bar")
    hands.wait(1.0)
    hands.ask("prompt", "red lava")
    hands.ask("quantise", "none")
    assert hands.values.params.prompt == "red lava"
    hands = Hands(quantise="4_bar")
    hands.wait(3.0)
    hands.ask("prompt", "red lava")
    hands.wait(4.0)
    hands.ask("tempo_resync")
    hands.wait(12.5)
    assert hands.when("prompt") == [pytest.approx(12.0, abs=FRAME)]  # four bars after the bar that began at 4 s


def test_steps_move_from_where_things_are_and_stop_at_the_ends() -> None:
    hands = Hands()
    hands.ask("zoom", 0.25, relative=True)
    assert hands.values.params.zoom == 0.75
    hands.do(*(ControlEvent("zoom", 0.2, 0.0, relative=True) for _ in range(3)))
    assert hands.values.params.zoom == 1.0
    hands.ask("seed", -5, relative=True)
    assert hands.values.params.seed == 0
    assert not hands.errors


def test_cues_are_played_in_turn() -> None:
    hands = Hands(cue_list=CUES)
    played = []
    for action in ("cue_next", "cue_next", "cue_next", "cue_next", "cue_previous", "cue_previous"):
        hands.ask(action)
        played.append(hands.values.params.prompt)
    assert played == ["one", "two", "three", "one", "three", "two"]
    hands.ask("cue_number", 1)
    assert hands.values.params.prompt == "one"
    hands.ask("prompt", "something else")
    assert hands.values.params.cue_number == 0
    hands.ask("cue_number", 4)
    hands.ask("cue_list", ())
    hands.ask("cue_next")
    assert [error[:22] for error in hands.errors] == ["cue_number: 4 of 3 cue", "no cues to play; send "]


def test_random_cues_follow_their_weights_and_never_repeat() -> None:
    hands = Hands(cue_list=(("a", 1.0), ("b", 4.0), ("c", 0.0), ("d", 1.0)))
    played = []
    for _ in range(300):
        hands.ask("cue_random")
        played.append(hands.values.params.prompt)
    assert all(a != b for a, b in zip(played, played[1:], strict=False))
    counts = {text: played.count(text) for text in "abcd"}
    assert counts["c"] == 0 and counts["b"] > 1.5 * counts["a"] and counts["a"] > 20 and counts["d"] > 20


def test_one_prompt_takes_the_place_of_a_blend() -> None:
    hands = Hands()
    hands.ask("prompt_list", (("lava", 1.0), ("sea", 2.0)))
    assert hands.values.params.prompt_list
    hands.ask("prompt", "red lava")
    assert hands.values.params.prompt_list == ()
    hands.ask("seed_list", ((1, 1.0), (2, 1.0)))
    hands.ask("seed", 5)
    assert hands.values.params.seed_list == ()


def test_tapping_is_seen_in_the_bpm() -> None:
    hands = Hands()
    for time in (1.0, 1.4, 1.8, 2.2):
        hands.wait(time)
        hands.ask("tap")
    assert hands.values.params.bpm == pytest.approx(150.0, abs=0.2)
    hands.ask("tempo_half")
    assert hands.values.params.bpm == pytest.approx(75.0, abs=0.2)
    hands.ask("bpm", 99.5)
    hands.wait(4.0)
    assert hands.values.params.bpm == 99.5 and hands.session.tempo.now().bpm == 99.5


def test_the_bpm_follows_whoever_leads() -> None:
    hands = Hands()
    hands.do(external=ExternalTempi(link=ExternalTempo(133.3, 1.0, 0.0)))
    assert hands.values.params.bpm == 133.3


def test_what_cannot_be_is_told_and_changes_nothing() -> None:
    hands = Hands()
    hands.ask("tempo_source", "link")
    for _ in range(3):
        hands.ask("tempo_double")
    assert "start it with --link" in hands.errors[0] and "outside 20..300" in hands.errors[1]
    assert hands.values.params.tempo_source == "auto" and hands.values.params.bpm == 240.0


def test_what_was_touched_last_is_what_a_hand_touched() -> None:
    hands = Hands()
    hands.ask("gain", 2.0)
    hands.ask("learn", "/gain")
    hands.do(external=ExternalTempi(link=ExternalTempo(133.3, 1.0, 0.0)))  # the bpm follows by itself
    assert hands.session.touched == "/gain"
    hands.ask("prompt", "sea")
    assert hands.session.touched == "/prompt"


def test_waiting_actions_are_bounded() -> None:
    hands = Hands(quantise="4_bar", cue_list=CUES)
    hands.wait(1.0)
    for _ in range(1000):
        hands.ask("cue_next")
    assert len(hands.do().waiting) == 64


def test_a_switch_of_the_shows_own_is_no_part_of_the_performance() -> None:
    switch = Param("out/wall", "bool", True, 0.0, 1.0, "", "output to ndi", "/out/wall", preset=False)
    session = Session(small_content(), ParamValues(), 0.0, np.random.default_rng(3), [switch])
    assert session.values.values["out/wall"] is True and session.switches() == {"out/wall": True}
    step = session.step(0.1, AudioFeatures.rest(0.1), events=[ControlEvent("out/wall", False, 0.1)])
    assert step.values.values["out/wall"] is False and session.switches() == {"out/wall": False}
    assert "out/wall" not in step.changes, "a replay has other outputs"
    assert "out/wall" not in session.settings()
    session.load_preset("storm")
    assert session.switches() == {"out/wall": False}, "a preset leaves it alone"
