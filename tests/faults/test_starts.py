"""Starts that fail: one line that says why, exit status 2, whatever thread is still starting."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.shows import free_udp_port

KINDS = {
    "no screen": (["--screen", "2", "--fullscreen"], "--screen 2: only screen 1 (800x600)"),
    "no display": (["DISPLAY=:987"], "no display (cannot connect to ':987')"),
    "bad device": (["--headless", "--input", "nosuch.wav"], "nosuch.wav"),
    "port taken": (["--headless", "--osc-host", "192.0.2.1"], "192.0.2.1"),
    "bad model": (["--headless", "--model", "/nonexistent"], "/nonexistent: no such model folder"),
    "bad record": (["--headless", "--record", "/nonexistent/a.mp4"], "there is no folder /nonexistent"),
    "bad stats": (["--headless", "--stats", "/nonexistent/a.json"], "there is no folder /nonexistent"),
}
pytestmark = [pytest.mark.system, pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")]


class FailingStart:
    """One `live` that is not to get far."""

    def __init__(self, folder: Path, kind: str, display: str) -> None:
        words, self.said = KINDS[kind]
        named = dict(word.split("=") for word in words if "=" in word)
        folders = {"XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
        env = {**os.environ, **folders, "DISPLAY": display, **named}
        command = [sys.executable, "-m", "livemusviz", "live", "--duration", "30", "--midi", "off"]
        command += ["--osc-port", str(free_udp_port()), "--oscquery-port", "0", *(w for w in words if "=" not in w)]
        self.kind = kind
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def verdict(self) -> str:
        """Return "" if it ended as it should, else how it ended."""
        output, errors = self.process.communicate(timeout=60)
        lines = [line for line in errors.splitlines() if line.startswith("livemusviz: ")]
        good = self.process.returncode == 2 and len(lines) == 1 and self.said in lines[0] and not output
        good = good and errors.splitlines()[-1] == lines[0] and "Traceback" not in errors
        return "" if good else f"{self.kind}: status {self.process.returncode}\n{errors}"


def test_F26_a_start_that_fails_is_one_line_and_status_2(x_display: str, tmp_path: Path) -> None:
    starts = [FailingStart(tmp_path, kind, x_display) for kind in KINDS]  # all at once: each loads while others do
    assert [start.verdict() for start in starts] == [""] * len(KINDS)


@pytest.mark.slow
def test_F26_fifty_starts_that_fail_under_load(x_display: str, tmp_path: Path) -> None:
    verdicts: list[str] = []
    kinds = (list(KINDS) * 50)[:50]
    while kinds:
        batch, kinds = kinds[:5], kinds[5:]
        verdicts += [start.verdict() for start in [FailingStart(tmp_path, kind, x_display) for kind in batch]]
    assert verdicts == [""] * 50


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_F26_a_signal_while_everything_is_starting_ends_in_good_order(number: signal.Signals, tmp_path: Path) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, as under nohup, and so by a show")
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "livemusviz", "live", "--headless", "--midi", "off", "--oscquery-port", "0"]
    command += ["--osc-port", str(free_udp_port()), "--stats", str(tmp_path / "stats.json")]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        caught = Path(f"/proc/{process.pid}/status")
        deadline = time.monotonic() + 30.0
        while not _catches(caught.read_text(), signal.SIGTERM):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        errors = process.stderr.read()
        assert process.wait(30) == 0, errors
    assert "terminate called" not in errors and "Traceback" not in errors
    assert (tmp_path / "stats.json").is_file()


def _catches(status: str, number: int) -> bool:
    mask = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(mask >> (number - 1) & 1)
