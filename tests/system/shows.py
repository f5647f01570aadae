"""Runs the real program in a subprocess, for tests: start it, wait until it draws, end it, read what it left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DRAWING, SHOWING = "drawing with", "showing a canvas"
STARTED_WITHIN = 30.0  # s; a bound, not a target


class LiveShow:
    """`livemusviz live` with `words`, headless unless `window`; its log, figures, trace and recording in `folder`."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        window: bool = False,
        port: int = 0,
        env: dict[str, str] | None = None,
        program: Sequence[str] = ("-m", "livemusviz"),
    ) -> None:
        """program : what Python runs."""
        self.folder, self.port = folder, port or free_udp_port()
        self.stats_path, self.trace_path = folder / "stats.json", folder / "trace.jsonl"
        self.recording, self.log_path = folder / "set.mp4", folder / "show.log"
        own = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), **(env or {})}  # the user's presets are theirs
        command = [sys.executable, *program, "live", *words, "--osc-port", str(self.port)]
        command += ["--stats", str(self.stats_path), "--trace", str(self.trace_path)]
        command += [] if window else ["--headless"]
        command += [] if "--canvas" in words else ["--canvas", "640x360"]
        self._log = self.log_path.open("w")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=own)

    def wait_until_drawing(self) -> None:
        self.wait_for(lambda: DRAWING in self.log() and SHOWING in self.log(), "the engine and the display to draw")

    def wait_for(self, condition: Any, what: str, within: float = STARTED_WITHIN) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"waited {within} s for {what}\n{self.log()}"
            assert self.process.poll() is None, f"ended early\n{self.log()}"
            time.sleep(0.05)

    def osc(self, address: str, *arguments: str) -> None:
        """Send with liblo's `oscsend`. arguments : type letters first, as `oscsend` takes them."""
        subprocess.run(["oscsend", "127.0.0.1", str(self.port), address, *arguments], check=True, timeout=5)

    def end(self, number: signal.Signals = signal.SIGINT, within: float = 10.0) -> float:
        """Send a signal; the seconds until the process was gone."""
        begun = time.monotonic()
        self.process.send_signal(number)
        return self.gone(begun, within)

    def gone(self, since: float, within: float = 60.0) -> float:
        try:
            status = self.process.wait(within)
        finally:
            self.kill()
        assert status == 0, f"status {status}\n{self.log()}"
        return time.monotonic() - since

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        self._log.close()

    def log(self) -> str:
        return self.log_path.read_text()

    def stats(self) -> dict[str, Any]:
        return dict(json.loads(self.stats_path.read_text()))

    def trace(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.trace_path.read_text().splitlines()]

    def show_log(self) -> list[dict[str, Any]]:
        """Return what was written so far beside the recording, whose own clock is `sample`."""
        path = self.recording.with_suffix(".jsonl")
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def directed(self, since: float = 0.0) -> list[float]:
        """Return when each picture was directed so far, from `since` on, s of the recording."""
        log = self.show_log()
        times = [line["sample"] / log[0]["rate"] for line in log if "walk" in line]
        return [time for time in times if time >= since]

    def record_until(self, seconds: float) -> None:
        """Wait for a picture that is directed after so many seconds of the recording."""
        self.wait_for(lambda: bool(self.directed(seconds)), f"{seconds} s of the recording")


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return int(udp.getsockname()[1])
