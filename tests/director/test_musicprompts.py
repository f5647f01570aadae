from dataclasses import replace

import numpy as np
import pytest

from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.musicprompts import (
    CUMULATIVE,
    FOCUS,
    MusicPromptKnobs,
    NoteMix,
    SectionTurns,
    note_prompts,
    split_prompts,
)

NOTES = note_prompts("red | | blue | | green")  # C, D, E


def sounding(**weights: float) -> AudioFeatures:
    names = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as_", "b")
    return AudioFeatures(time=0.0, chroma=tuple(weights.get(name, 0.0) for name in names))


def mix(features: AudioFeatures, seconds: float, knobs: MusicPromptKnobs, notes: NoteMix | None = None, held=False):
    notes = notes or NoteMix()
    for _ in range(round(seconds * 30)):
        notes.advance(1 / 30, features, knobs, held)
    mixed = notes.mixed("sea", knobs)
    return dict(mixed) if not isinstance(mixed, str) else {mixed: 1.0}


def test_lists_are_written_with_bars_between() -> None:
    assert split_prompts("a | b | | d") == ("a", "b", "", "d") and split_prompts("  ") == ()
    assert NOTES == ("red", "", "blue", "", "green") + ("",) * 7
    assert len(note_prompts("x |" * 40)) == 12


def test_a_note_brings_its_prompt_in_by_its_time_constant_and_no_further_than_its_depth() -> None:
    knobs = MusicPromptKnobs(NOTES, FOCUS, depth=0.4, seconds=0.5)
    early, late = mix(sounding(c=1.0), 0.2, knobs), mix(sounding(c=1.0), 6.0, knobs)
    assert 0.0 < early.get("red", 0.0) < 0.2
    assert late == {"sea": pytest.approx(0.6, abs=0.02), "red": pytest.approx(0.4, abs=0.02)}


def test_weights_always_sum_to_one_and_fade_smoothly_from_note_to_note() -> None:
    knobs, notes = MusicPromptKnobs(NOTES, FOCUS, depth=0.5, seconds=0.3), NoteMix()
    mix(sounding(c=1.0), 3.0, knobs, notes)
    reds = []
    for _ in range(60):
        seen = mix(sounding(e=1.0), 1 / 30, knobs, notes)
        assert sum(seen.values()) == pytest.approx(1.0, abs=0.001)
        reds.append(seen.get("red", 0.0))
    assert np.abs(np.diff(reds)).max() < 0.12 and reds[0] > 0.4 and reds[-1] == 0.0


def test_focus_lets_the_strongest_lead_and_cumulative_lets_all_of_lately_speak() -> None:
    chord = sounding(c=1.0, e=0.6)
    focus = mix(chord, 5.0, MusicPromptKnobs(NOTES, FOCUS, 0.6, 0.3))
    longer = mix(chord, 30.0, MusicPromptKnobs(NOTES, CUMULATIVE, 0.6, 0.3))
    assert focus["red"] / focus["green"] > 3.0
    assert longer["red"] / longer["green"] == pytest.approx(1 / 0.6, rel=0.15)


def test_empty_notes_silence_off_and_a_held_prompt_change_nothing() -> None:
    knobs = MusicPromptKnobs(NOTES, FOCUS, 0.6, 0.3)
    assert mix(sounding(g=1.0), 4.0, knobs) == {"sea": 1.0}
    assert mix(sounding(), 4.0, knobs) == {"sea": 1.0}
    assert mix(sounding(c=1.0), 4.0, replace(knobs, mode=0)) == {"sea": 1.0}
    assert mix(sounding(c=1.0), 4.0, knobs, held=True) == {"sea": 1.0}


def test_a_blend_of_the_performers_is_mixed_as_a_whole() -> None:
    knobs, notes = MusicPromptKnobs(NOTES, FOCUS, 0.4, 0.2), NoteMix()
    mix(sounding(c=1.0), 4.0, knobs, notes)
    mixed = dict(notes.mixed((("sea", 3.0), ("sky", 1.0)), knobs))
    assert mixed["sea"] == pytest.approx(3 * mixed["sky"]) and sum(mixed.values()) == pytest.approx(1.0)


SECTIONS = MusicPromptKnobs(sections=("a", "b"), hold=10.0)


def test_sections_take_turns_where_the_music_changes() -> None:
    turns = SectionTurns("sea")
    seen = [turns.step(i, "sea", AudioFeatures(time=i, sections=i // 3), SECTIONS) for i in range(10)]
    assert seen == ["sea"] * 3 + ["a"] * 3 + ["b"] * 3 + ["a"]


def test_or_every_so_many_bars() -> None:
    turns, knobs = SectionTurns("sea"), replace(SECTIONS, bars=2)
    seen = [turns.step(i, "sea", AudioFeatures(time=i, bpm=120, beats=i, sections=i), knobs) for i in range(20)]
    assert seen == ["sea"] * 8 + ["a"] * 8 + ["b"] * 4


def test_the_performers_prompt_outranks_the_music() -> None:
    turns = SectionTurns("sea")
    turns.step(0.0, "sea", AudioFeatures(time=0.0), SECTIONS)
    assert turns.step(1.0, "sea", AudioFeatures(time=1.0, sections=1), SECTIONS) == "a"
    assert turns.step(2.0, "lava", AudioFeatures(time=2.0, sections=2), SECTIONS) == "lava"
    assert turns.step(3.0, "lava", AudioFeatures(time=3.0, sections=3), SECTIONS) == "lava"
    assert turns.held(3.0, SECTIONS)
    assert turns.step(13.0, "lava", AudioFeatures(time=13.0, sections=4), SECTIONS) == "b"


def test_a_count_that_begins_anew_is_no_change_of_section() -> None:
    """The audio process was started again, or the input was lost for a while."""
    turns = SectionTurns("sea")
    turns.step(0.0, "sea", AudioFeatures(time=0.0, sections=5), SECTIONS)
    assert turns.step(1.0, "sea", AudioFeatures(time=1.0, sections=0), SECTIONS) == "sea"
    assert turns.step(2.0, "sea", AudioFeatures(time=2.0, sections=1), SECTIONS) == "a"


def test_without_sections_the_performers_prompt_comes_back() -> None:
    turns = SectionTurns("sea")
    turns.step(0.0, "sea", AudioFeatures(time=0.0), SECTIONS)
    turns.step(1.0, "sea", AudioFeatures(time=1.0, sections=1), SECTIONS)
    assert turns.step(2.0, "sea", AudioFeatures(time=2.0, sections=1), MusicPromptKnobs()) == "sea"
