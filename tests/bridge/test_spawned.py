"""Spawned processes: their priority is their own, not that of the thread that starts them."""

import multiprocessing
import os
import subprocess
import sys
import threading

import pytest

from livemusviz.bridge.spawned import SpawnedProcess
from livemusviz.display import warm
from livemusviz.display.rehearsal import Sizes
from livemusviz.platforms import raised_thread_priority, usual_thread_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a thread has a niceness of its own on Linux alone")


def own() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.parametrize("niceness", [0, 4])
def test_a_process_is_as_nice_as_asked_before_it_imports_anything(niceness: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    usual = max(own(), 0)
    with raised_thread_priority(-5):  # where the user has the right to it
        raised = own()
        process = SpawnedProcess("tests.bridge.priority_module", theirs, "priority", niceness)
        assert own() == raised, "the thread that started it goes on as it was"
    try:
        assert ours.poll(30.0)
        imported, now = ours.recv()
    finally:
        process.join(10.0)
    assert imported == now == (max(niceness, 0) if raised < 0 else max(niceness, usual))


def test_a_raised_thread_is_usual_for_a_while_and_a_nice_one_stays_nice(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [-5]
    monkeypatch.setattr(os, "getpriority", lambda which, thread: held[-1])
    monkeypatch.setattr(os, "setpriority", lambda which, thread, value: held.append(value))
    with usual_thread_priority():
        assert held[-1] == 0
    assert held[-1] == -5
    held.append(7)
    with usual_thread_priority():
        assert held[-1] == 7


def test_the_child_that_compiles_shaders_is_meek_before_it_imports_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], int]] = []

    def refuse(command: list[str], **options: object) -> None:
        started.append((command, own()))
        raise OSError("no process in this test")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with raised_thread_priority(-5):
        warm.ShaderWarmer({}, Sizes((64, 36), (64, 36), (64, 36))).ask([], 0.0)
    ((command, niceness),) = started
    assert niceness >= 0
    body = command[-1].splitlines()
    assert body.index("os.nice(19)") < body.index("from livemusviz.display.warm import main")
