import pytest

from livemusviz.bridge.supervise import LOST, RUNNING, STARTING, Backoff, Patience, Supervisor


class FakeWorker:
    def __init__(self):
        self.alive, self.killed, self.dies_when_killed = True, 0, True

    def is_alive(self):
        return self.alive

    def kill(self):
        self.killed += 1
        self.alive = self.alive and not self.dies_when_killed


@pytest.fixture
def made():
    return []


@pytest.fixture
def supervisor(made):
    def start():
        made.append(FakeWorker())
        return made[-1]

    keeper = Supervisor(start, Backoff((0.5, 1.0, 2.0)), Patience(stalled=0.5, starting=10.0, healthy=5.0))
    keeper.begin(0.0)
    return keeper


def test_backoff_grows_to_its_cap_and_begins_anew():
    backoff = Backoff((0.5, 1.0, 2.0, 5.0))
    assert [backoff.next() for _ in range(6)] == [0.5, 1.0, 2.0, 5.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 0.5


def test_backoff_needs_a_delay():
    with pytest.raises(ValueError, match="at least one"):
        Backoff(())


def test_it_starts_and_then_runs(supervisor, made):
    assert supervisor.poll(0.1, 0) == STARTING
    assert supervisor.poll(0.2, 1) == RUNNING
    assert (len(made), supervisor.restarts) == (1, 0)


def test_a_worker_that_cannot_be_started_is_tried_again_later(made):
    def start():
        made.append(FakeWorker())
        if 2 <= len(made) <= 4:
            raise OSError(24, "Too many open files")
        return made[-1]

    keeper = Supervisor(start, Backoff((0.5, 1.0, 2.0)), Patience())
    keeper.begin(0.0)
    keeper.poll(0.1, 1)
    made[0].alive = False
    states = [keeper.poll(n / 10, 1) for n in range(2, 80)]
    assert len(made) == 5 and keeper.restarts == 1
    assert LOST in states and keeper.reason == "cannot be started: Too many open files"
    assert keeper.poll(8.0, 2) == RUNNING


def test_a_stall_is_noticed_within_its_patience(supervisor, made):
    supervisor.poll(1.0, 1)
    assert supervisor.poll(1.5, 1) == RUNNING
    assert supervisor.poll(1.51, 1) == LOST
    assert (made[0].killed, supervisor.reason) == (1, "stalled")


def test_a_dead_worker_is_noticed_at_once(supervisor, made):
    supervisor.poll(1.0, 1)
    made[0].alive = False
    assert supervisor.poll(1.01, 1) == LOST
    assert supervisor.reason == "ended"


def test_a_slow_start_is_no_stall_but_has_its_bound(supervisor, made):
    assert supervisor.poll(9.9, 0) == STARTING
    assert supervisor.poll(10.1, 0) == LOST
    assert supervisor.reason == "did not start"
    assert made[0].killed == 1


def test_it_tries_again_with_growing_pauses(supervisor, made):
    made[0].alive = False
    starts = []
    for tick in range(2000):
        now = tick / 100
        before = len(made)
        supervisor.poll(now, 0)
        if len(made) > before:
            starts.append(now)
            made[-1].alive = False
    assert [round(b - a, 1) for a, b in zip([0.0, *starts], starts, strict=False)][:5] == [0.5, 1.0, 2.0, 2.0, 2.0]
    assert supervisor.restarts == len(starts)


def test_it_is_lost_until_the_new_worker_makes_progress(supervisor, made):
    supervisor.poll(1.0, 7)
    made[0].alive = False
    assert supervisor.poll(1.1, 7) == LOST
    assert supervisor.poll(1.7, 7) == LOST
    assert len(made) == 2
    assert supervisor.poll(1.8, 8) == RUNNING
    assert supervisor.restarts == 1


def test_a_healthy_run_shortens_the_next_pause(supervisor, made):
    for now in (0.5, 1.5):  # two quick deaths
        made[-1].alive = False
        supervisor.poll(now, 0)
        supervisor.poll(now + 1.0, 0)
    for tick in range(60):
        supervisor.poll(3.0 + tick / 10, 1 + tick)
    made[-1].alive = False
    supervisor.poll(9.0, 60)
    count = len(made)
    supervisor.poll(9.51, 60)
    assert len(made) == count + 1


def test_no_new_worker_beside_one_that_will_not_die(supervisor, made):
    supervisor.poll(1.0, 1)
    made[0].dies_when_killed = False
    supervisor.poll(2.0, 1)
    supervisor.poll(9.0, 1)
    assert len(made) == 1
    made[0].alive = False
    supervisor.poll(9.1, 1)
    assert len(made) == 2


def test_progress_made_while_nobody_looked_counts(supervisor, made):
    supervisor.poll(1.0, 1)
    assert supervisor.poll(60.0, 500) == RUNNING
    assert made[0].killed == 0


def test_after_stop_nothing_is_started(supervisor, made):
    supervisor.stop()
    supervisor.poll(100.0, 0)
    assert (len(made), made[0].killed) == (1, 1)
