import logging
import threading

import pytest

from livemusviz.bridge.latest import Latest
from livemusviz.bridge.notices import MOST, Notice, Notices


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


def test_notices_are_logged_at_once_and_the_newest_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices()
    for i in range(MOST + 3):
        notices.error(f"trouble {i}", "engine")
    assert len(caplog.records) == MOST + 3 and caplog.records[0].name == "livemusviz.engine"
    kept = notices.drain()
    assert (
        len(kept) == MOST and kept[0].text == "trouble 3" and kept[-1] == Notice(logging.ERROR, kept[-1].text, "engine")
    )
    assert notices.drain() == []


def test_notices_come_from_any_thread() -> None:
    notices = Notices()
    threads = [threading.Thread(target=notices.error, args=(f"{i}", "test")) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {notice.text for notice in notices.drain()} == {str(i) for i in range(20)}
