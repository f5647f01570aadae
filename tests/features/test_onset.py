import numpy as np
import pytest

from livemusviz.audio.inprocess import InProcessAudio
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.offline import analyse_hops
from tests.drum_loop import drum_loop
from tests.features.extraction import extract, f_measure, merged, onset_times, sine

RNG = np.random.default_rng(3)


def clicks(times, seconds):
    sound = np.zeros(round(seconds * SAMPLE_RATE))
    for time in times:
        start = round(time * SAMPLE_RATE)
        sound[start : start + 240] += 0.5 * RNG.standard_normal(240) * np.exp(-np.arange(240) / 60)
    return np.clip(sound, -1, 1)


def test_a_click_train_is_found_click_by_click_within_15_ms():
    times = 0.5 + 0.31 * np.arange(20)
    found = onset_times(extract(clicks(times, 7.0)))
    assert len(found) == len(times)
    delays = np.array(found) - times
    assert delays.min() > 0.0  # causal
    assert np.median(delays) < 0.01 and delays.max() < 0.015


@pytest.mark.parametrize("bpm", [90, 120, 140])
def test_a_drum_loop_is_found_whole(bpm):
    sound, times = drum_loop(4, bpm, lead_in=0.5)
    score, delay = f_measure(times, onset_times(extract(sound)))
    assert score > 0.97
    assert delay < 0.012


@pytest.mark.parametrize("decibels", [-26, -12, 6])
def test_the_level_does_not_change_the_onsets(decibels):
    sound, times = drum_loop(4, lead_in=0.5)
    found = onset_times(extract(sound * 10 ** (decibels / 20)))
    assert f_measure(times, found)[0] > 0.97


def test_a_kick_is_as_strong_as_a_snare_and_a_ghost_note_is_weak():
    sound, times = drum_loop(4, lead_in=0.5)
    quiet = sound.copy()
    eighth = round(0.25 * SAMPLE_RATE)
    start = round(times[16] * SAMPLE_RATE)  # the kick on the third bar's one
    quiet[start : start + eighth] *= 0.25
    features = [f for f in extract(quiet) if f.onset]
    strength = {n: min(features, key=lambda f, t=t: abs(f.time - t - 0.02)).onset_strength for n, t in enumerate(times)}
    assert strength[8] > 0.6  # kick
    assert strength[10] > 0.4  # snare
    assert strength[16] < 0.7 * strength[8]
    assert all(0.45 <= value <= 1.0 for value in strength.values())


@pytest.mark.parametrize(
    "sound",
    [sine(220.0, 5.0), sine(55.0, 5.0), sine(1000.0, 5.0, 0.05), RNG.normal(0, 0.05, 5 * SAMPLE_RATE)],
    ids=["tone", "bass", "soft", "noise"],
)
def test_what_does_not_change_has_no_onsets(sound):
    assert len(onset_times(extract(sound))) <= 3


def test_silence_and_the_noise_floor_have_no_onsets():
    assert not onset_times(extract(np.zeros(3 * SAMPLE_RATE)))
    floor = RNG.normal(0, 10 ** (-75 / 20), 3 * SAMPLE_RATE)
    features = extract(floor)
    assert not onset_times(features) and features[-1].silent


def test_hits_closer_than_the_refractory_time_are_one():
    found = onset_times(extract(clicks([0.5, 0.53, 1.0], 2.0)))
    assert len(found) == 2


def test_the_strength_decays_by_the_clock():
    features = extract(clicks([0.5], 1.5))
    peak = next(index for index, f in enumerate(features) if f.onset)
    later = features[peak + round(0.15 * SAMPLE_RATE / HOP)]
    assert later.onset_strength == pytest.approx(features[peak].onset_strength * np.exp(-1), rel=0.05)
    assert features[-1].onset_strength < 0.01
    assert features[-1].onsets == 1


def test_aubio_may_be_asked_for_instead():
    sound, times = drum_loop(4, lead_in=0.5)
    audio = InProcessAudio(onset="aubio")
    stereo = np.asarray(sound if sound.ndim == 2 else np.repeat(sound[:, None], 2, axis=1), np.float32)
    features = list(audio.feed_all(stereo[i : i + HOP] for i in range(0, len(stereo) - HOP + 1, HOP)))
    score, delay = f_measure(times, onset_times(features))
    assert score > 0.97
    assert 0.012 < delay < 0.03


def test_matching_is_one_to_one():
    assert f_measure([1.0, 2.0], [1.01, 1.02, 2.04]) == (pytest.approx(4 / 5), pytest.approx(0.025))
    assert f_measure([1.0], [1.2])[0] == 0.0
    assert merged([0.01, 0.05, 0.16, 0.19, 0.3]) == [0.01, 0.16, 0.3]


def counted(sound, sensitivity, method="superflux"):
    audio = InProcessAudio(sensitivity=sensitivity, onset=method)
    blocks = (sound[i : i + HOP] for i in range(0, len(sound) - HOP + 1, HOP))
    return sum(each.onset for each in audio.feed_all(blocks))


def test_a_higher_sensitivity_finds_fainter_onsets():
    sound, times = drum_loop(4, lead_in=0.5)
    hiss = np.random.default_rng(2).normal(0.0, 0.02, sound.shape).astype(np.float32)  # a room that is not quiet
    few, all_of_them, too_many = (counted(sound + hiss, sensitivity) for sensitivity in (0.25, 1.0, 4.0))
    assert few < all_of_them == len(times) < too_many


def test_aubio_takes_the_sensitivity_too():
    sound, times = drum_loop(4, lead_in=0.5)
    assert counted(sound, 0.01, "aubio") == 0 and counted(sound, 1.0, "aubio") == len(times)


def test_the_threshold_of_the_onset_curve_is_one_over_the_sensitivity():
    sound, _ = drum_loop(2, lead_in=0.5)
    for sensitivity in (0.5, 1.0, 2.0):
        audio = InProcessAudio(sensitivity=sensitivity)
        found = [f for i in range(0, len(sound) - HOP + 1, HOP) for f in audio.feed(sound[i : i + HOP]) if f.onset]
        assert found and min(each.novelty for each in found) >= 1.0 / sensitivity


def test_a_sensitivity_of_one_changes_nothing_offline():
    sound, _ = drum_loop(2, lead_in=0.5)
    hops = [sound[i : i + HOP] for i in range(0, len(sound) - HOP + 1, HOP)]
    plain, same = analyse_hops(hops), analyse_hops(hops, sensitivity=1.0)
    assert all((plain.column(name) == same.column(name)).all() for name in ("onset", "onset_strength", "bass_hit"))
    assert analyse_hops(hops, sensitivity=0.25).column("onset").sum() < plain.column("onset").sum()
