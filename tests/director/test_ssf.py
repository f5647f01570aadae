import numpy as np
import pytest

from livemusviz.director.ssf import MAX_SKIPS, ONSET_HOLD, Moment, SimilarityFilter, skip_probability


def moment(similarity: float = 1.0, energy: float = 0.0, since_onset: float = 9.0, changed: bool = False) -> Moment:
    return Moment(similarity, energy, since_onset, changed)


def decisions(where: Moment, strength: float, count: int = 2000, seed: int = 0) -> list[bool]:
    ssf = SimilarityFilter(np.random.default_rng(seed))
    return [ssf.computes(where, strength) for _ in range(count)]


def test_skips_fall_with_energy_and_rise_with_similarity() -> None:
    by_energy = [skip_probability(0.995, energy) for energy in (0.0, 0.25, 0.5, 0.75, 1.0)]
    by_similarity = [skip_probability(s, 0.2) for s in (0.8, 0.9, 0.95, 0.99, 0.999, 1.0)]
    assert by_energy == sorted(by_energy, reverse=True) and by_energy[0] > 0.9 and by_energy[-1] == 0.0
    assert by_similarity == sorted(by_similarity) and by_similarity[0] == 0.0 and by_similarity[-1] == 1.0


@pytest.mark.parametrize("energy", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_probability_is_one_even_for_odd_input(energy: float) -> None:
    for similarity in (-1.0, 0.0, 0.5, 1.0, 1.0001):
        assert 0.0 <= skip_probability(similarity, energy) <= 1.0


def test_rest_is_mostly_skipped_and_loud_music_is_not() -> None:
    assert np.mean(decisions(moment(similarity=0.9999, energy=0.0), 0.9)) < 0.2
    assert np.mean(decisions(moment(similarity=0.99, energy=0.9), 0.9)) == 1.0


def test_onset_change_and_strength_zero_always_compute() -> None:
    assert all(decisions(moment(since_onset=ONSET_HOLD / 2), 1.0))
    assert all(decisions(moment(changed=True), 1.0))
    assert all(decisions(moment(), 0.0))


def test_skips_in_a_row_are_bounded() -> None:
    made = decisions(moment(), 1.0, count=(MAX_SKIPS + 1) * 5)
    assert sum(made) == 5


def test_same_seed_same_decisions() -> None:
    where = moment(similarity=0.99, energy=0.1)
    assert decisions(where, 0.9, seed=4) == decisions(where, 0.9, seed=4)
    assert decisions(where, 0.9, seed=4) != decisions(where, 0.9, seed=5)
