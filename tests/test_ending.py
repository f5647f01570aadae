"""The end of the process while a daemon thread is still at work."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading, time
from livemusviz import cli
busy = {busy}
if busy:
    threading.Thread(target=time.sleep, args=(60.0,), daemon=True).start()
def run():
    print("said", flush=False)
    {do}
cli.main = run
sys.exit(cli.entry())
"""


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize(
    ("do", "status", "told"), [("return 2", 2, 0), ("raise SystemExit(2)", 2, 0), ("raise KeyError(3)", 1, 1)]
)
def test_the_status_is_the_programs_own(busy: bool, do: str, status: int, told: int) -> None:
    program = PROGRAM.format(busy=busy, do=do)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (status, "said\n")
    assert ended.stderr.count("KeyError: 3") == told and ended.stderr.count("Traceback") == told


LOADING = """
import sys, threading, time
from pathlib import Path
from livemusviz.clock import SystemClock
from livemusviz.diffusion.loop import Engine, EngineSpec
from livemusviz.diffusion.spec import ModelSpec
opened = threading.Event()
def load(model, spec):
    opened.set()
    time.sleep(0.5)
    print("loaded")
    raise OSError("no model")
model = ModelSpec(Path("m"))
engine = Engine(EngineSpec(model, model, 64, 64), lambda shape: None, SystemClock(), load)
engine.start()
opened.wait(10.0)
print("closed", engine.close(timeout=0.0))
sys.exit(5)
"""


def test_a_program_that_uses_the_library_ends_after_a_model_that_loads() -> None:
    """Without the wait the interpreter is taken down under a thread that is in native code."""
    ended = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (5, "closed False\nloaded\n"), ended.stderr
