from dataclasses import replace

import numpy as np
import pytest

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls
from livemusviz.director.director import Director
from livemusviz.director.walk import similarity
from livemusviz.params.params import Params

SHAPE = (8, 8, 32)
RATE = 30


def steps(director: Director, start: float, seconds: float, energy: float, params: Params) -> list[Controls]:
    features = AudioFeatures(time=start, energy=energy)
    return [
        director.step(start + i / RATE, replace(features, time=start + i / RATE), params)
        for i in range(int(seconds * RATE))
    ]


def test_ten_seconds_of_rest_skip_most_frames_and_music_skips_few() -> None:
    params = Params()
    director = Director(SHAPE, params)
    loud = steps(director, 0.0, 10.0, 0.9, params)
    rest = steps(director, 10.0, 10.0, 0.0, params)
    assert np.mean([c.compute for c in loud]) > 0.95
    assert np.mean([not c.compute for c in rest]) > 0.6


def test_no_frame_is_skipped_within_100_ms_of_an_onset() -> None:
    params = Params(ssf=1.0)
    director = Director(SHAPE, params)
    onset_times = [2.0, 3.1, 4.7]
    for i in range(6 * 60):
        now = i / 60
        count = sum(time <= now for time in onset_times)
        controls = director.step(now, AudioFeatures(time=now, onsets=count, onset_strength=0.5), params)
        if any(0.0 <= now - time <= 0.1 for time in onset_times):
            assert controls.compute, now


def test_energy_and_onsets_move_the_walk() -> None:
    params = Params()

    def moved(energy: float, onset: bool) -> float:
        director = Director(SHAPE, params)
        first = director.step(0.0, AudioFeatures(time=0.0), params).noise
        director.step(0.01, AudioFeatures(time=0.0, energy=energy, onsets=int(onset), onset_strength=1.0), params)
        last = director.step(0.3, AudioFeatures(time=0.2, energy=energy, onsets=int(onset)), params).noise
        return 1.0 - similarity(first, last)

    assert moved(0.0, False) < moved(1.0, False) < moved(1.0, True)


def test_a_long_pause_is_not_made_up_for() -> None:
    params = Params()
    director = Director(SHAPE, params)
    before = director.step(0.0, AudioFeatures(time=0.0, energy=1.0), params).noise
    after = director.step(3600.0, AudioFeatures(time=3600.0, energy=1.0), params).noise
    assert similarity(before, after) > 0.95


def test_new_prompt_fades_and_every_frame_of_the_fade_is_computed() -> None:
    params = Params(ssf=1.0, fade=1.0)
    director = Director(SHAPE, params)
    steps(director, 0.0, 2.0, 0.0, params)
    fading = steps(director, 2.0, 1.1, 0.0, replace(params, prompt="red lava"))
    assert all(c.compute for c in fading[:30])
    assert fading[0].previous_prompt == params.prompt and fading[-1].prompt == "red lava"
    assert [c.fade for c in fading] == sorted(c.fade for c in fading) and fading[-1].fade == 1.0


def test_new_seed_is_computed_at_once_and_gives_other_noise() -> None:
    params = Params(ssf=1.0, fade=0.0)
    director = Director(SHAPE, params)
    before = steps(director, 0.0, 1.0, 0.0, params)[-1].noise
    controls = director.step(1.0, AudioFeatures(time=1.0), replace(params, seed=99))
    assert controls.compute and abs(similarity(before, controls.noise)) < 0.1


def test_feedback_lets_go_on_an_onset() -> None:
    params = Params()
    director = Director(SHAPE, params)
    calm = director.step(0.0, AudioFeatures(time=0.0), params).feedback
    struck = director.step(0.1, AudioFeatures(time=0.1, onsets=1, onset_strength=1.0), params).feedback
    assert 0.3 < calm < 0.7 and struck == 0.0


def test_feedback_leaves_the_same_trail_at_any_frame_rate() -> None:
    params = Params()

    def left(rate: int) -> float:
        director = Director(SHAPE, params)
        return float(
            np.prod([director.step(i / rate, AudioFeatures(time=0.0), params).feedback for i in range(rate)][1:])
        )

    assert np.log(left(60)) / np.log(left(20)) == pytest.approx(59 / 60 / (19 / 20), rel=1e-3)


def test_a_place_makes_its_noise_again() -> None:
    params = Params()
    director = Director(SHAPE, params)
    controls = steps(director, 0.0, 2.0, 0.8, params)[20]
    assert len(controls.place) == 3
    assert np.allclose(director.noise_at(controls.place), controls.noise, atol=1e-6)


def test_a_loop_of_four_bars_closes() -> None:
    params = Params(walk_loop=4)
    director = Director(SHAPE, params)
    seen = []
    for i in range(8 * 60 + 1):  # 120 bpm: four bars are 8 s
        now = i / 60
        features = AudioFeatures(
            time=now, bpm=120.0, bpm_confidence=0.9, beats=int(now * 2), beat_phase=now * 2 % 1,
            bar_phase=now / 2 % 1, energy=0.2 + 0.5 * (i % 7) / 7, onsets=i // 13, onset_strength=0.6,
        )  # fmt: skip
        seen.append(director.step(now, features, params).noise)
    assert np.abs(seen[-1] - seen[0]).max() < 1e-4
    assert similarity(seen[0], seen[240]) < 0.9


def test_latents_drift_on_the_beat() -> None:
    params = Params(latent_zoom=1.0, latent_turn=0.5, latent_pan_x=-0.2)
    director = Director(SHAPE, params)
    director.step(0.0, AudioFeatures(time=0.0), params)
    calm = director.step(0.033, AudioFeatures(time=0.033), params).drift
    director.step(0.066, AudioFeatures(time=0.066, onsets=1, onset_strength=1.0), params)
    struck = director.step(0.1, AudioFeatures(time=0.1, onsets=1, onset_strength=0.8), params).drift
    assert 1.0 < calm[0] < struck[0] and 0.0 < calm[1] < struck[1] and struck[2] < calm[2] < 0.0 and struck[3] == 0.0
    assert Director(SHAPE, Params()).step(0.0, AudioFeatures(time=0.0), Params()).drift[0] == 1.0


def test_notes_and_sections_reach_the_engine_as_prompts() -> None:
    params = Params(note_prompts="ice", note_mode=1, note_seconds=0.1, section_prompts="lava | sky", fade=0.0)
    director = Director(SHAPE, params)
    chroma = (1.0,) + (0.0,) * 11
    for i in range(60):
        controls = director.step(i / 30, AudioFeatures(time=i / 30, chroma=chroma, sections=i // 30), params)
    assert dict(controls.prompt) == {"lava": pytest.approx(0.5), "ice": pytest.approx(0.5)}


def test_a_blend_of_prompts_is_faded_to_and_back() -> None:
    params = Params(fade=1.0, prompt="sea")
    director = Director(SHAPE, params)
    steps(director, 0.0, 0.5, 0.5, params)
    blend = (("lava", 2.0), ("sea", 1.0))
    blended = steps(director, 0.5, 1.2, 0.5, replace(params, prompt_list=blend))
    assert blended[0].prompt == blend and blended[0].previous_prompt == "sea" and blended[-1].fade == 1.0
    back = steps(director, 2.0, 1.2, 0.5, params)
    assert back[0].previous_prompt == blend and back[-1].prompt == "sea"


def test_a_blend_of_seeds_keeps_the_variance_and_lies_between_them() -> None:
    params = Params(walk_speed=0.0, walk_rest=0.0)

    def noise(**changes: object) -> np.ndarray:
        return (
            Director(SHAPE, replace(params, **changes))
            .step(0.0, AudioFeatures.rest(0.0), replace(params, **changes))
            .noise
        )

    one, two = noise(seed=3), noise(seed=4)
    blend = noise(seed_list=((3, 3.0), (4, 1.0)))
    assert abs(float(np.linalg.norm(blend)) / np.sqrt(blend.size) - 1.0) < 1e-5
    assert similarity(blend, one) > 0.9 > similarity(blend, two) > 0.2
    assert np.allclose(noise(seed_list=((3, 1.0), (4, 0.0))), one, atol=1e-5)


def test_what_the_model_reads_comes_through() -> None:
    params = Params(guidance_scale=4.0, delta=0.5, negative_prompt="text", num_inference_steps=2, t_list=(12, 32))
    controls = Director(SHAPE, params).step(0.0, AudioFeatures.rest(0.0), params)
    assert (controls.guidance_scale, controls.delta, controls.negative_prompt) == (4.0, 0.5, "text")
    assert (controls.steps, controls.t_list) == (2, (12, 32))
