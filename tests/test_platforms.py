"""The functions that hide the system: figures that are right here, and names that stay in one place."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from livemusviz import __version__, platforms

ROOT = Path(__file__).parent.parent
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's form")


def test_peak_memory_follows_what_was_held() -> None:
    before = platforms.peak_memory()
    assert before > 10 * 2**20
    held = bytearray(before + 64 * 2**20)  # more than ever before
    held[:: os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096] = b"\1" * len(held[::4096])
    assert platforms.peak_memory() >= before + 64 * 2**20


@pytest.mark.skipif(platforms.glibc_function("malloc_trim") is None, reason="glibc's form")
def test_free_memory_between_what_is_used_goes_back_to_the_system() -> None:
    blocks = [bytearray(b"\1" * 100_000) for _ in range(1000)]  # small enough for malloc's heap
    blocks = blocks[::50]  # its end stays in use
    before = psutil.Process().memory_info().rss
    platforms.trim_memory()
    assert psutil.Process().memory_info().rss < before - 50 * 2**20
    assert len(blocks) == 20


@pytest.mark.skipif(platforms.glibc_function("mallopt") is None, reason="glibc's form")
def test_large_blocks_go_back_to_the_system_though_a_larger_one_came_before() -> None:
    code = """
import psutil
from livemusviz import platforms
{}
bytearray(b"\\1" * (16 << 20))  # freed at once: glibc would raise its limit to this
blocks = [bytearray(b"\\1" * (1 << 20)) for _ in range(60)]
blocks = blocks[-1:]
print(psutil.Process().memory_info().rss >> 20)
"""
    rss = [
        int(subprocess.check_output([sys.executable, "-c", code.format(call)], cwd=ROOT, text=True))
        for call in ("", "platforms.map_large_blocks()")
    ]
    assert rss[1] < rss[0] - 40


def test_a_library_of_this_process_is_found() -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS does not list them")
    assert platforms.library_loaded("python")
    assert not platforms.library_loaded("no-such-library")


@posix
def test_a_folder_that_others_may_enter_is_not_private(tmp_path: Path) -> None:
    for mode, private in ((0o700, True), (0o750, False), (0o707, False)):
        tmp_path.chmod(mode)
        assert platforms.only_user_writes(tmp_path) is private
    with pytest.raises(FileNotFoundError):
        platforms.only_user_writes(tmp_path / "nothing")


def test_a_folder_is_renamed_onto_nothing_only(tmp_path: Path) -> None:
    made, taken, free = tmp_path / "made", tmp_path / "taken", tmp_path / "free"
    made.mkdir()
    taken.mkdir()
    with pytest.raises(FileExistsError):
        platforms.rename_folder(made, taken)
    assert made.is_dir()
    platforms.rename_folder(made, free)
    assert free.is_dir() and not made.exists()


@posix
def test_a_terminal_that_closes_ends_the_child_in_good_order() -> None:
    assert platforms.FORWARDED[signal.SIGHUP] == signal.SIGTERM
    assert set(platforms.END_SIGNALS) <= set(platforms.FORWARDED)


@posix
def test_a_child_leaves_the_terminals_group() -> None:
    code = (
        "import os; from livemusviz import platforms as p; p.leave_terminal_group(); print(os.getpgrp() == os.getpid())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has priorities of threads")
def test_priority_is_the_threads_own() -> None:
    code = (
        "import os, threading; from livemusviz.platforms import *\n"
        "def low():\n    lower_thread_priority(7); print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))\n"
        "t = threading.Thread(target=low); t.start(); t.join(); print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert out.split() == [str(max(own, 7)), str(own)]


def test_a_port_just_left_can_be_taken_again() -> None:
    with socket.socket() as first:
        platforms.allow_rebind(first)
        first.bind(("127.0.0.1", 0))
        first.listen()
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), first.accept()[0] as server:
            server.shutdown(socket.SHUT_RDWR)  # the side that ends it first keeps the port in TIME_WAIT
    with socket.socket() as again:
        platforms.allow_rebind(again)
        again.bind(("127.0.0.1", port))


def test_the_version_stands_in_one_place() -> None:
    assert f'__version__ = "{__version__}"' in (ROOT / "livemusviz/__init__.py").read_text()
    assert __version__ not in (ROOT / "pyproject.toml").read_text().split("[project.optional")[0]
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


linux = pytest.mark.skipif(sys.platform != "linux", reason="a thread has a niceness of its own on Linux alone")


@pytest.fixture
def niceness(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The niceness of this thread, for whom going back is forbidden; asked for and set by the functions under test."""
    held = [0]

    def set_to(which: int, thread: int, value: int) -> None:
        if value < held[-1]:
            raise PermissionError
        held.append(value)

    monkeypatch.setattr(os, "getpriority", lambda which, thread: held[-1])
    monkeypatch.setattr(os, "setpriority", set_to)
    return held


@linux
def test_a_thread_that_is_nicer_than_asked_stays_so(niceness: list[int]) -> None:
    niceness.append(10)  # `nice -n 10 livemusviz live`
    platforms.lower_thread_priority(7)
    assert niceness == [0, 10]


@linux
def test_a_priority_that_is_refused_costs_nothing(niceness: list[int]) -> None:
    with platforms.raised_thread_priority(-5):
        assert niceness == [0]
    assert niceness[-1] == 0


@linux
def test_a_raised_priority_ends_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [3]
    monkeypatch.setattr(os, "getpriority", lambda which, thread: held[-1])
    monkeypatch.setattr(os, "setpriority", lambda which, thread, value: held.append(value))
    with platforms.raised_thread_priority(-5):
        assert held[-1] == -5
        platforms.lower_thread_priority(0)  # as a thread does that is started meanwhile
        assert held[-1] == 0
    assert held[-1] == 3
