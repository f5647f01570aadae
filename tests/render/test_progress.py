"""What is said while a film is made."""

import io

import numpy as np
import pytest

from livemusviz.clock import ManualClock
from livemusviz.render.progress import Listening, Progress, clock, thumbnail


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


PICTURE = np.zeros((36, 64, 4), np.uint8)


def test_a_line_each_tenth_where_there_is_no_terminal() -> None:
    out, time = io.StringIO(), ManualClock()
    progress = Progress(100, 0, time.now, out)
    for k in range(1, 101):
        time.advance(0.1)
        progress.update(k, PICTURE)
    lines = out.getvalue().splitlines()
    assert len(lines) == 10 and "\x1b" not in out.getvalue()
    assert "50 %" in lines[4] and "10.0 fps" in lines[4] and "0:05 to go" in lines[4]


def test_a_bar_and_a_picture_on_a_terminal_that_go_away_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    out, time = Terminal(), ManualClock()
    progress = Progress(100, 40, time.now, out)
    for k in (50, 60):
        time.advance(1.0)
        progress.update(k, PICTURE)
    progress.update(61, PICTURE)  # too soon
    text = out.getvalue()
    assert text.count("to go") == 2 and "60/100  10.0 fps  0:04 to go" in text and "▀" in text
    progress.done()
    assert out.getvalue().endswith("\x1b[14A\x1b[J")


def test_listening_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for out, shown in ((Terminal(), "listening  1:05 of 3:20"), (io.StringIO(), "")):
        time = ManualClock()
        listening = Listening(200.0, time.now, out)
        listening(1.0)
        time.advance(1.0)
        listening(65.0)
        assert shown in out.getvalue() and out.getvalue().count("listening") == bool(shown)
        listening.done()
        assert out.getvalue().endswith("\r\x1b[K" if shown else "")


def test_the_thumbnail_shows_the_picture() -> None:
    picture = np.zeros((20, 40, 4), np.uint8)
    picture[:10, :, 0], picture[10:, :, 2] = 200, 100
    lines = thumbnail(picture, columns=48, rows=5)
    assert len(lines) == 5 and lines[0].count("▀") == 20
    assert lines[0].startswith("\x1b[38;2;200;0;0;48;2;200;0;0m") and "38;2;0;0;100" in lines[-1]


def test_times() -> None:
    assert [clock(s) for s in (0, 61.4, 3723)] == ["0:00", "1:01", "1:02:03"]
