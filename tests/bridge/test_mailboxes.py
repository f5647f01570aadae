import threading

from livemusviz.bridge.latest import Latest


def test_latest_is_empty_at_first_and_newest_wins():
    box = Latest()
    assert (box.get(), box.take(), box.version) == (None, None, 0)
    box.put("a")
    box.put("b")
    assert (box.get(), box.version) == ("b", 2)


def test_latest_is_taken_once_but_may_be_read_for_ever():
    box = Latest("first")
    assert [box.take(), box.take()] == ["first", None]
    box.put("second")
    assert [box.get(), box.take(), box.take(), box.get()] == ["second", "second", None, "second"]


def test_latest_between_threads_only_moves_forward():
    box, seen = Latest(0), []

    def write():
        for number in range(1, 20_001):
            box.put(number)

    writer = threading.Thread(target=write)
    writer.start()
    while not seen or seen[-1] < 20_000:
        value = box.take()
        if value is not None:
            seen.append(value)
    writer.join()
    assert seen == sorted(set(seen))
    assert box.version == 20_001
