import multiprocessing
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livemusviz.bridge.ring import SharedRing


@pytest.fixture
def ring():
    made = SharedRing.create(slots=8, payload_bytes=16)
    yield made
    made.close()


def payload(number: int, size: int = 16) -> bytes:
    return number.to_bytes(8, "little") * (size // 8)


def test_nothing_is_read_before_anything_is_written(ring):
    assert ring.reader().read() is None
    assert ring.reader().latest() is None
    assert ring.newest() == 0


def test_payloads_come_in_order_and_once(ring):
    reader = ring.reader()
    for number in range(1, 6):
        ring.write(payload(number))
    assert [reader.read() for _ in range(6)] == [*(payload(n) for n in range(1, 6)), None]
    assert (reader.dropped, reader.torn) == (0, 0)


def test_the_oldest_are_overwritten_and_counted(ring):
    reader = ring.reader()
    for number in range(1, 21):
        ring.write(payload(number))
    read = []
    while (data := reader.read()) is not None:
        read.append(data)
    assert read[-1] == payload(20)
    assert read == [payload(n) for n in range(21 - len(read), 21)]
    assert reader.dropped + len(read) == 20
    assert len(read) == ring.slots - 1  # the slot after the newest may be under the pen


def test_a_reader_starts_with_what_comes_after_it(ring):
    ring.write(payload(1))
    reader = ring.reader()
    assert reader.read() is None
    ring.write(payload(2))
    assert reader.read() == payload(2)


def test_latest_skips_without_counting(ring):
    reader = ring.reader()
    for number in range(1, 5):
        ring.write(payload(number))
    assert reader.latest() == payload(4)
    assert reader.latest() is None
    assert reader.dropped == 0


def test_a_writer_that_attaches_goes_on_where_the_last_one_stopped(ring):
    reader = ring.reader()
    ring.write(payload(1))
    heir = SharedRing.attach(ring.name)
    heir.write(payload(2))
    heir.close()
    assert [reader.read(), reader.read(), reader.read()] == [payload(1), payload(2), None]


def test_a_damaged_slot_is_never_handed_over(ring):
    reader = ring.reader()
    for number in (1, 2, 3):
        ring.write(payload(number))
    ring._buffer[ring._offset(2) + 10] ^= 0xFF
    assert [reader.read(), reader.read(), reader.read()] == [payload(1), payload(3), None]
    assert reader.torn > 0
    assert reader.dropped == 1


def test_a_slot_that_is_under_the_pen_is_read_again(ring, monkeypatch):
    reader, slot, tries = ring.reader(), ring.slot, []

    def under_the_pen_at_first(sequence):
        tries.append(sequence)
        return None if len(tries) < 4 else slot(sequence)

    ring.write(payload(1))
    monkeypatch.setattr(ring, "slot", under_the_pen_at_first)
    assert reader.read() == payload(1)
    assert (reader.torn, reader.dropped) == (3, 0)


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_payload_of_the_wrong_size_is_refused(ring, size):
    with pytest.raises(ValueError, match="payload of"):
        ring.write(bytes(size))


@pytest.mark.parametrize(("slots", "size"), [(1, 8), (0, 8), (8, 0), (8, -1)])
def test_an_impossible_ring_is_refused(slots, size):
    with pytest.raises(ValueError, match="at least"):
        SharedRing.create(slots, size)


def test_attaching_to_a_ring_that_is_gone_says_so(ring):
    with pytest.raises(FileNotFoundError):
        SharedRing.attach(ring.name + "-gone")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.just("read"), st.integers(1, 12)), max_size=40), st.integers(2, 9))
def test_any_order_of_reads_and_writes_loses_only_the_oldest(steps, slots):
    ring = SharedRing.create(slots, 8)
    try:
        reader, written, seen = ring.reader(), 0, []
        for step in steps:
            if step == "read":
                data = reader.read()
                seen += [] if data is None else [int.from_bytes(data, "little")]
            else:
                for _ in range(step):
                    written += 1
                    ring.write(payload(written, 8))
        while (data := reader.read()) is not None:
            seen.append(int.from_bytes(data, "little"))
        assert seen == sorted(set(seen))
        assert len(seen) + reader.dropped == written
        assert not written or seen[-1] == written
    finally:
        ring.close()


SECONDS = 1.5


def _write_at_full_speed(name: str) -> None:
    ring = SharedRing.attach(name)
    size = ring.payload_bytes
    until = time.perf_counter() + SECONDS
    number = 0
    while time.perf_counter() < until:
        for _ in range(20):
            number += 1
            ring.write(payload(number, size))
    ring.close()


@pytest.mark.parametrize("size", [2104, 1 << 18], ids=["a block of sound", "a large one, so that copies collide"])
def test_two_processes_at_full_speed_hand_over_no_torn_payload(size):
    """A writer that never pauses laps a reader again and again; all that gets through must be whole and in order."""
    ring = SharedRing.create(slots=4, payload_bytes=size)
    try:
        reader = ring.reader()
        writer = multiprocessing.get_context("spawn").Process(target=_write_at_full_speed, args=(ring.name,))
        writer.start()
        count = last = 0
        while writer.is_alive() or last < ring.newest():
            for _ in range(50):
                data = reader.read()
                if data is None:
                    continue
                number = int.from_bytes(data[:8], "little")
                assert data == payload(number, size), "torn"
                assert number > last, "out of order"
                last, count = number, count + 1
            time.sleep(0.005)  # a reader that looks away is lapped for sure, whichever process is the faster here
        writer.join(5.0)
        assert writer.exitcode == 0
        assert last == ring.newest()
        assert count + reader.dropped == ring.newest()
        assert count > 50
        print(f"{count} read, {reader.dropped} overwritten, {reader.torn} torn and caught")
        assert reader.dropped > 0, "the writer never lapped the reader: the test proved nothing"
    finally:
        ring.close()
