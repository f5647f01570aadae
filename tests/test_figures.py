"""The samples that a show keeps, and what is made of them."""

import tracemalloc

from livemusviz.figures import Samples, percentiles


def test_the_newest_samples_stay_in_their_order() -> None:
    samples = Samples(4)
    assert len(samples) == 0 and samples.newest().size == 0 and percentiles(samples) is None
    for value in range(6):
        samples.append(float(value))
    assert list(samples) == [2.0, 3.0, 4.0, 5.0] and len(samples) == 4
    assert samples.newest(2).tolist() == [4.0, 5.0] and samples.newest(9).tolist() == [2.0, 3.0, 4.0, 5.0]
    assert percentiles(samples) == {"p50": 3500.0, "p99": 4970.0}


def test_samples_take_no_more_memory_than_at_first() -> None:
    samples = Samples(10_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for value in range(10_000):
        samples.append(value + 0.5)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 10_000
