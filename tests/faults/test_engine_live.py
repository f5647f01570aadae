"""Faults of the engine in the whole program: its model is slow, hangs, or finds no memory (F07, F08, F10)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from demo.measure import Film, read_film
from livemusviz.diffusion.loop import FAILURES_BEFORE_FALLBACK
from tests.faults import sabotage
from tests.system.shows import DRAWING, LiveShow
from tests.system.test_live import write

pytestmark = pytest.mark.system

MOVES = 1.0  # s within which the picture must have changed, on a machine that others load too


class BrokenShow:
    """A show whose model takes orders."""

    def __init__(self, folder: Path) -> None:
        self._order = folder / "order"
        words = ["--input", str(write(folder / "drums.wav", 10)), "--record", str(folder / "set.mp4")]
        words += ["--size", "64", "--canvas", "320x180", "--midi", "off"]
        self.show = LiveShow(folder, *words, program=[sabotage.__file__, str(self._order)])

    def drawn(self) -> int:
        """Return for how many pictures the model was directed, so far."""
        return len(self.show.directed())

    def draw(self, count: int) -> None:
        """Wait until the model has drawn `count` more pictures."""
        least = self.drawn() + count
        self.show.wait_for(lambda: self.drawn() >= least, f"{count} more pictures")

    def order(self, word: str) -> None:
        """Let the model do what `word` says; "" is its work."""
        made = self._order.with_suffix(".new")
        made.write_text(word)
        made.rename(self._order)

    def told(self, text: str) -> None:
        self.show.wait_for(lambda: text in self.show.log(), f"'{text}' in the log")


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[BrokenShow]:
    made = BrokenShow(tmp_path)
    made.show.wait_until_drawing()
    made.draw(10)
    yield made
    made.show.kill()


def moves(film: Film) -> bool:
    """Return True if no two pictures of a film that are `MOVES` s apart are the same."""
    later = np.searchsorted(film.times, film.times + MOVES)
    pairs = [(n, m) for n, m in enumerate(later) if m < len(film.pictures)]
    return all((film.pictures[n] != film.pictures[m]).any() for n, m in pairs)


def test_F07_engine_slow_and_the_show_moves_on(broken: BrokenShow) -> None:
    broken.order("slow")
    broken.draw(8)  # some were directed before the order came, and are logged after it
    broken.show.end()
    stats, film = broken.show.stats(), read_film(broken.show.recording)
    assert stats["engine_failures"] == stats["display_errors"] == 0
    assert stats["frames_shown"] > 3 * stats["frames_generated"]
    assert film.seconds > 5 * sabotage.SLOW and moves(film)


def test_F08_engine_hang_is_told_and_the_show_moves_on_and_ends(broken: BrokenShow) -> None:
    broken.order("hang")
    broken.told("the model has not answered for")
    time.sleep(MOVES)
    broken.show.end()  # status 0, while the model still hangs
    film = read_film(broken.show.recording)
    assert film.codecs == ("h264", "aac") and film.seconds > 3.0 and moves(film)


def test_F10_engine_oom_brings_the_embedded_model_anew(broken: BrokenShow) -> None:
    broken.order("fail")
    broken.show.wait_for(lambda: broken.show.log().count(DRAWING) > 1, "the embedded model anew")
    broken.order("")
    broken.draw(5)
    broken.show.end()
    stats, film = broken.show.stats(), read_film(broken.show.recording)
    assert "Unable to allocate" in broken.show.log() and stats["model"] == "embedded"
    assert stats["engine_failures"] >= FAILURES_BEFORE_FALLBACK and stats["display_errors"] == 0 and moves(film)
