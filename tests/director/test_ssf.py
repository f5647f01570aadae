import numpy as np
import pytest

from livemusviz.director.ssf import (
    GLIDE_FROM,
    MAX_GLIDES,
    MAX_NOTHING,
    MAX_SHALLOW,
    ONSET_HOLD,
    SHALLOW_FROM,
    STALE,
    Grade,
    Moment,
    SimilarityFilter,
    skip_probability,
    tolerance,
)


def moment(similarity: float = 1.0, energy: float = 0.0, since_onset: float = 9.0, changed: bool = False) -> Moment:
    return Moment(similarity, energy, since_onset, changed)


def grades(where: Moment, strength: float, count: int = 2000, seed: int = 0) -> list[Grade]:
    ssf = SimilarityFilter(np.random.default_rng(seed))
    return [ssf.grade(where, strength) for _ in range(count)]


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
    assert np.mean([g >= Grade.SHALLOW for g in grades(moment(0.9999, 0.0), 0.9)]) < 0.2
    assert all(g is Grade.FULL for g in grades(moment(0.99, 0.9), 0.9))


def test_what_is_not_computed_in_full_gets_the_less_the_less_it_has_moved() -> None:
    def usual(moved: float) -> Grade:
        seen = grades(moment(1.0 - moved * tolerance(0.2), 0.2), 1.0)
        return Grade(np.bincount([g for g in seen if g is not Grade.FULL]).argmax())

    assert usual(0.5 * GLIDE_FROM) is Grade.NOTHING
    assert usual(0.5 * (GLIDE_FROM + SHALLOW_FROM)) is Grade.GLIDE
    assert usual(1.2 * SHALLOW_FROM) is Grade.SHALLOW


def test_onset_change_and_strength_zero_always_compute_in_full() -> None:
    assert set(grades(moment(since_onset=ONSET_HOLD / 2), 1.0)) == {Grade.FULL}
    assert set(grades(moment(changed=True), 1.0)) == {Grade.FULL}
    assert set(grades(moment(), 0.0)) == {Grade.FULL}


def longest(seen: list[Grade], least: Grade) -> int:
    """Longest run of grades not above `least`."""
    run = best = 0
    for grade in seen:
        run = run + 1 if grade <= least else 0
        best = max(best, run)
    return best


def test_lesser_grades_in_a_row_are_bounded() -> None:
    nothing = grades(moment(), 1.0, count=(MAX_NOTHING + 1) * 5)
    assert sum(g is Grade.FULL for g in nothing) == 5
    rng = np.random.default_rng(3)
    ssf = SimilarityFilter(np.random.default_rng(1))
    seen = [ssf.grade(moment(1.0 - rng.uniform() * tolerance(0.1), 0.1), 1.0) for _ in range(4000)]
    assert longest(seen, Grade.NOTHING) <= MAX_NOTHING
    assert longest(seen, Grade.SHALLOW) <= (MAX_NOTHING + 1) * (MAX_GLIDES + 1) * (MAX_SHALLOW + 1)


def test_deep_features_do_not_grow_old() -> None:
    where = Moment(1.0 - 0.5 * tolerance(0.2), 0.2, 9.0, False, since_full=STALE + 0.1)
    assert set(grades(where, 1.0)) == {Grade.FULL}


def test_same_seed_same_decisions() -> None:
    where = moment(similarity=0.99, energy=0.1)
    assert grades(where, 0.9, seed=4) == grades(where, 0.9, seed=4)
    assert grades(where, 0.9, seed=4) != grades(where, 0.9, seed=5)
