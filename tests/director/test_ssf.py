import numpy as np
import pytest

from livemusviz.bridge.frames import Reuse
from livemusviz.director.ssf import (
    DEEP_FEATURES_FROM,
    LATENTS_FROM,
    MAX_DEEP_FEATURES,
    MAX_FRAMES,
    MAX_LATENTS,
    ONSET_HOLD,
    STALE,
    Moment,
    SimilarityFilter,
    skip_probability,
    tolerance,
)


def moment(similarity: float = 1.0, energy: float = 0.0, since_onset: float = 9.0, changed: bool = False) -> Moment:
    return Moment(similarity, energy, since_onset, changed)


def levels(where: Moment, strength: float, count: int = 2000, seed: int = 0) -> list[Reuse]:
    ssf = SimilarityFilter(np.random.default_rng(seed))
    return [ssf.decide(where, strength) for _ in range(count)]


def test_skips_fall_with_energy_and_rise_with_similarity() -> None:
    """The table that the filter is about; `pytest -s` prints it."""
    energies, alike = (0.0, 0.25, 0.5, 0.75, 1.0), (0.8, 0.9, 0.95, 0.99, 0.999, 1.0 - 1e-6, 1.0)
    table = np.array([[skip_probability(s, e) for s in alike] for e in energies])
    print("\nenergy  " + "  ".join(f"s={s:<8.6g}" for s in alike))
    for energy, row in zip(energies, table, strict=True):
        print(f"{energy:6.2f}  " + "  ".join(f"{p:<10.3f}" for p in row))
    assert (np.diff(table, axis=0) <= 0.0).all() and (np.diff(table, axis=1) >= 0.0).all()
    assert table[0, 3] > 0.85 and table[-1, :-1].max() == 0.0 and table[0, 0] == 0.0


@pytest.mark.parametrize("energy", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_probability_is_one_even_for_odd_input(energy: float) -> None:
    for similarity in (-1.0, 0.0, 0.5, 1.0, 1.0001):
        assert 0.0 <= skip_probability(similarity, energy) <= 1.0


def test_rest_is_mostly_left_out_and_loud_music_is_not() -> None:
    assert np.mean([g <= Reuse.DEEP_FEATURES for g in levels(moment(0.9999, 0.0), 0.9)]) < 0.2
    assert all(g is Reuse.NONE for g in levels(moment(0.99, 0.9), 0.9))


def test_what_is_not_computed_in_full_gets_the_less_the_less_it_has_moved() -> None:
    def usual(moved: float) -> Reuse:
        seen = levels(moment(1.0 - moved * tolerance(0.2), 0.2), 1.0)
        return Reuse(np.bincount([g for g in seen if g is not Reuse.NONE]).argmax())

    assert usual(0.5 * LATENTS_FROM) is Reuse.FRAME
    assert usual(0.5 * (LATENTS_FROM + DEEP_FEATURES_FROM)) is Reuse.LATENTS
    assert usual(1.2 * DEEP_FEATURES_FROM) is Reuse.DEEP_FEATURES


def test_onset_change_and_strength_zero_always_compute_in_full() -> None:
    assert set(levels(moment(since_onset=ONSET_HOLD / 2), 1.0)) == {Reuse.NONE}
    assert set(levels(moment(changed=True), 1.0)) == {Reuse.NONE}
    assert set(levels(moment(), 0.0)) == {Reuse.NONE}


def longest(seen: list[Reuse], least: Reuse) -> int:
    """Return the longest run of levels that reuse no less than `least`."""
    run = best = 0
    for level in seen:
        run = run + 1 if level >= least else 0
        best = max(best, run)
    return best


def test_lesser_levels_in_a_row_are_bounded() -> None:
    nothing = levels(moment(), 1.0, count=(MAX_FRAMES + 1) * 5)
    assert sum(g is Reuse.NONE for g in nothing) == 5
    rng = np.random.default_rng(3)
    ssf = SimilarityFilter(np.random.default_rng(1))
    seen = [ssf.decide(moment(1.0 - rng.uniform() * tolerance(0.1), 0.1), 1.0) for _ in range(4000)]
    assert longest(seen, Reuse.FRAME) <= MAX_FRAMES
    assert longest(seen, Reuse.DEEP_FEATURES) <= (MAX_FRAMES + 1) * (MAX_LATENTS + 1) * (MAX_DEEP_FEATURES + 1)


def test_deep_features_do_not_grow_old() -> None:
    where = Moment(1.0 - 0.5 * tolerance(0.2), 0.2, 9.0, False, since_full=STALE + 0.1)
    assert set(levels(where, 1.0)) == {Reuse.NONE}


def test_same_seed_same_decisions() -> None:
    where = moment(similarity=0.99, energy=0.1)
    assert levels(where, 0.9, seed=4) == levels(where, 0.9, seed=4)
    assert levels(where, 0.9, seed=4) != levels(where, 0.9, seed=5)
