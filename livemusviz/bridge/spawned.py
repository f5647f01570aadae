"""Spawns a process of the show's: the audio's, a source's, a sink's. A `supervise.Worker` made of `multiprocessing`.

Its body is the function `run` of a module that is imported in the new process alone, so that the libraries of a room
are never loaded beside mlx.

The display's thread starts such processes, and a process inherits its thread's priority. With the display's raised one
the imports of two sinks would keep the engine's thread from the cores while it holds the interpreter's lock, and the
display would wait for that lock: a process begins with the usual priority, and is nice before it imports anything.
"""

from __future__ import annotations

import faulthandler
import importlib
import multiprocessing
import os
import signal
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from livemusviz.platforms import lower_process_priority, usual_thread_priority


class MessagePipe(Protocol):
    """One end of a `multiprocessing.Pipe`, whose class differs between POSIX and Windows."""

    def send(self, obj: Any) -> None: ...
    def recv(self) -> Any: ...
    def poll(self, timeout: float | None = 0.0) -> bool: ...
    def close(self) -> None: ...


class SpawnedProcess:
    """Runs `run(wiring)` of a module in a process that ends with the show's at the latest."""

    def __init__(self, module: str, wiring: Any, name: str, niceness: int = 0) -> None:
        """module : dotted name.  wiring : what it is given, pickled.  name, niceness (0..19) : of the process.

        Raises OSError where the system gives no process.
        """
        context = multiprocessing.get_context("spawn")
        given = (module, wiring, niceness)
        self._process: SpawnProcess = context.Process(target=_run, args=given, name=name, daemon=True)
        with usual_thread_priority():
            self._process.start()

    @property
    def pid(self) -> int | None:
        """Return the process's number."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Return True until the process has ended."""
        return self._process.is_alive()

    def kill(self) -> None:
        """End it at once; never waits."""
        self._process.kill()

    def join(self, seconds: float) -> None:
        """Wait until it has ended, at most `seconds`."""
        self._process.join(seconds)


def _run(module: str, wiring: Any, niceness: int) -> None:
    """Run the new process."""
    if niceness > 0:
        lower_process_priority(niceness)
    faulthandler.enable(2)  # standard error: a crash in a native library tells its thread and line
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the show ends us
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    importlib.import_module(module).run(wiring)
