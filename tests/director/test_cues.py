import pytest

from livemusviz.director.cues import MAX_WAITING, PromptCue


def run(cue: PromptCue, seconds: float, rate: int = 50) -> list[tuple[str, str, float]]:
    seen = []
    for _ in range(round(seconds * rate)):
        cue.advance(1 / rate)
        seen.append((cue.previous, cue.prompt, cue.fade))
    return seen


def test_fade_takes_its_time_and_never_goes_back() -> None:
    cue = PromptCue("sea")
    cue.set("lava", 2.0)
    seen = run(cue, 2.02)
    fades = [fade for _, _, fade in seen]
    assert fades == sorted(fades) and fades[48] == pytest.approx(0.485, abs=0.02) and fades[-1] == 1.0
    assert {pair[:2] for pair in seen} == {("sea", "lava")}


def test_zero_seconds_is_a_cut() -> None:
    cue = PromptCue("sea")
    cue.set("lava", 0.0)
    assert cue.prompt == "lava" and cue.fade == 1.0 and not cue.fading


def test_same_prompt_again_does_nothing() -> None:
    cue = PromptCue("sea")
    cue.set("sea", 2.0)
    assert not cue.fading


def test_prompt_typed_during_a_fade_waits_and_is_not_lost() -> None:
    cue = PromptCue("sea")
    cue.set("lava", 2.0)
    run(cue, 1.0)
    cue.set("ice", 2.0)
    assert cue.prompt == "lava" and cue.target == "ice"
    shown = [prompt for _, prompt, _ in run(cue, 3.5)]
    assert shown[0] == "lava" and shown[-1] == "ice" and cue.fade == 1.0


def test_newcomer_hurries_a_long_fade() -> None:
    cue = PromptCue("sea")
    cue.set("lava", 60.0)
    run(cue, 1.0)
    cue.set("ice", 0.5)
    run(cue, 1.1)
    assert cue.prompt == "ice" and cue.fade == 1.0


def test_cut_ends_the_fade_under_way() -> None:
    cue = PromptCue("sea")
    cue.set("lava", 60.0)
    run(cue, 1.0)
    cue.set("ice", 0.0)
    run(cue, 0.1)
    assert cue.prompt == "ice" and not cue.fading


def test_waiting_prompts_are_bounded() -> None:
    cue = PromptCue("sea")
    cue.set("lava", 2.0)
    for number in range(100):
        cue.set(f"prompt {number}", 2.0)
    run(cue, 2.5 * (MAX_WAITING + 2))
    assert cue.prompt == "prompt 99"
