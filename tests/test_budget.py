"""The budget of cores, for machines of every size."""

import pytest

from livemusviz.budget import Budget, Machine, Wishes, decide


def small(cores: int = 2, cpu_draws: bool = True, cpu_engine: bool = True) -> Machine:
    return Machine(cores, cpu_draws, cpu_engine)


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 2), (4, 3), (8, 7), (64, 8)])
def test_the_blas_leaves_a_core_to_the_display(cores: int, threads: int) -> None:
    assert decide(small(cores)).blas_threads == threads


def test_the_blas_is_left_alone_where_a_gpu_runs_the_model() -> None:
    assert decide(small(2, cpu_engine=False)).blas_threads is None


def test_the_display_is_slower_only_where_it_takes_a_core_from_the_model() -> None:
    assert decide(small(2)).fps == 30.0
    assert decide(small(4)).fps == 60.0
    assert decide(small(2, cpu_draws=False)).fps == 60.0
    assert decide(small(2, cpu_engine=False)).fps == 60.0


def test_the_ladder_may_choose_the_other_rate_where_nobody_set_one() -> None:
    assert decide(small(2)).other_fps == (60.0,)
    assert decide(small(4)).other_fps == (30.0,)
    assert decide(small(2), Wishes(fps=30.0)).other_fps == ()
    assert decide(small(2, cpu_draws=False)).other_fps == (), "they share no cores"


def test_the_encoder_grows_with_the_machine() -> None:
    assert [decide(small(cores)).encoder_threads for cores in (1, 2, 4, 8, 32)] == [1, 1, 2, 4, 4]
    assert decide(small(16)).encoder_preset == "ultrafast"
    assert decide(small(16, cpu_draws=False)).encoder_preset == "veryfast"


def test_one_core_begins_with_less() -> None:
    one, two = decide(small(1)), decide(small(2))
    assert one.first_rung > two.first_rung == 0
    assert one.engine_niceness > two.engine_niceness


def test_what_is_set_by_hand_stays_and_is_told() -> None:
    wishes = Wishes(60.0, 2, 3, "fast", 0, 0)
    budget = decide(small(1), wishes)
    names = ("fps", "blas_threads", "encoder_threads", "encoder_preset", "first_rung", "engine_niceness")
    assert tuple(getattr(budget, name) for name in names) == (60.0, 2, 3, "fast", 0, 0)
    assert set(budget.why) == set(names) and set(budget.why.values()) == {"set by hand"}
    assert decide(small(2), Wishes(fps=50.0)).why["blas_threads"] != "set by hand"


def test_each_decision_has_its_reason() -> None:
    for machine in (small(1), small(2, False), small(16, False, False)):
        figures = decide(machine).figures()
        why = figures.pop("why")
        assert isinstance(why, dict) and all(why.values())
        assert set(figures) == set(why) | {"shares_cores", "machine", "other_fps"}
        assert str(machine.cores) in str(figures["machine"])


def test_a_budget_that_nobody_decided_is_the_former_fixed_one() -> None:
    assert (Budget().fps, Budget().blas_threads, Budget().encoder_threads) == (60.0, None, 2)
