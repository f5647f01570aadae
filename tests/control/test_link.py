"""Two programs on Ableton Link agree."""

import sys
import time

import pytest

from livemusviz.clock import SystemClock
from livemusviz.control.link import MISSING, LinkPeer
from livemusviz.errors import UserError


def test_two_peers_agree_on_tempo_and_beat() -> None:
    pytest.importorskip("aalink")
    clock = SystemClock()
    ours, theirs = LinkPeer(120.0), LinkPeer(97.0)
    try:
        end = time.monotonic() + 8.0
        while not (ours.read(clock.now(), 4).peers and theirs.read(clock.now(), 4).peers):
            if time.monotonic() > end:
                pytest.skip("Link's multicast does not pass here")
            time.sleep(0.05)
        time.sleep(0.5)
        ours.propose(133.0, None)
        time.sleep(0.3)
        for _ in range(20):
            a, b = ours.read(clock.now(), 4), theirs.read(clock.now(), 4)
            late = (b.time - a.time) * a.bpm / 60  # beats between the two looks
            apart = (b.beat - a.beat - late + 2.0) % 4.0 - 2.0  # within a bar of four
            assert a.bpm == pytest.approx(133.0, abs=0.01) == b.bpm
            assert abs(apart) * 60 / a.bpm < 0.005
            time.sleep(0.02)
        theirs.propose(None, 0.0)  # "the bar begins now", for both
        time.sleep(0.2)
        moment = ours.read(clock.now(), 4).beat % 4.0
        assert moment == pytest.approx(0.2 * 133 / 60, abs=0.35)
    finally:
        ours.close()
        theirs.close()


def test_without_the_extra_the_message_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aalink", None)
    with pytest.raises(UserError) as caught:
        LinkPeer(120.0)
    assert str(caught.value) == MISSING and "livemusviz[link]" in MISSING
