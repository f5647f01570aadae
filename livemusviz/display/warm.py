"""Shaders compiled ahead in a process of its own, at the lowest priority. Main thread of the show; OpenGL in the child.

The child draws a shader as the show will, so the driver keeps the machine code in its cache on disk; then compiling it
in the show takes milliseconds instead of 40 to 300 and no canvas is late. A driver without such a cache gains nothing
and loses nothing. The child takes a JSON line for each shader and answers each.
"""

from __future__ import annotations

import json
import logging
import select
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from livemusviz.display import context
from livemusviz.display.compositor import Compositor
from livemusviz.display.rehearsal import Sizes
from livemusviz.errors import UserError
from livemusviz.platforms import usual_thread_priority

log = logging.getLogger(__name__)

NICENESS = 19  # of the child: the meekest
CHILD = f"""import os
os.nice({NICENESS})
from livemusviz.display.warm import main
raise SystemExit(main())
"""  # it is meek before it imports anything
SETTLED = 1.0  # s after an answer in which the driver writes its cache, by a thread that is meek too
PATIENCE = 30.0  # s without an answer, after which the child is given up


class ShaderWarmer:
    """Has shaders compiled by a child: `ask` for some, `ready` returns those in the driver's cache by now.

    `ready` never waits. Without a child that works, and on Windows, whose pipes cannot be polled, everything asked for
    is ready at once.
    """

    def __init__(self, paths: Mapping[str, Path], sizes: Sizes) -> None:
        """paths : shaders by name.  sizes : as the show draws them."""
        self._paths, self._sizes = paths, sizes
        self._asked: deque[str] = deque()
        self._answered: deque[tuple[float, str]] = deque()
        self._last_reply = 0.0  # s, time of the last line from the child
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def busy(self) -> bool:
        """Return True while a requested shader is not ready."""
        return bool(self._asked or self._answered)

    def ask(self, names: Sequence[str], now: float) -> None:
        """Have these compiled, in this order. now : s."""
        if self._child is None:
            self._start(now)
        self._asked += names
        self._send([{"path": str(self._paths[name])} for name in names])

    def ready(self, now: float) -> list[str]:
        """Return the names whose code has come into the driver's cache since the last call. now : s."""
        self._listen(now)
        found = []
        while self._answered and now - self._answered[0][0] >= SETTLED:
            found.append(self._answered.popleft()[1])
        if self._child is None or now - self._last_reply > PATIENCE:
            found += [*(name for _, name in self._answered), *self._asked]
            self._answered.clear()
            self._asked.clear()
        if not self.busy:
            self.close()
        return found

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    pipe.close()
            self._child = None

    def _start(self, now: float) -> None:
        self._last_reply = now
        if sys.platform == "win32":
            return
        command = [sys.executable, "-c", CHILD]
        try:
            with usual_thread_priority():
                self._child = subprocess.Popen(  # noqa: S603
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
                )
        except OSError as error:
            log.info("no process to compile shaders in: %s", error.strerror or error)
            return
        self._send([asdict(self._sizes)])

    def _send(self, lines: Sequence[Mapping[str, object]]) -> None:
        if self._child is None or self._child.stdin is None:
            return
        try:
            self._child.stdin.write("".join(json.dumps(line) + "\n" for line in lines).encode())
        except OSError:
            self.close()

    def _listen(self, now: float) -> None:
        if self._child is None or self._child.stdout is None:
            return
        while self._asked and select.select([self._child.stdout], [], [], 0)[0]:
            answer = self._child.stdout.read(4096)
            if not answer:
                log.info("the process that compiles shaders has ended")
                self.close()
                return
            self._last_reply = now
            for _ in range(min(answer.count(b"\n"), len(self._asked))):
                self._answered.append((now, self._asked.popleft()))


def main() -> int:
    """Run the child: sizes on the first line of stdin, a shader's path on each other one; an answer for each."""
    sizes = Sizes(**{name: tuple(size) for name, size in json.loads(sys.stdin.readline()).items()})
    try:
        compositor = Compositor(context.headless_context(), sizes.canvas)
    except UserError:
        return 1
    for line in sys.stdin:
        with suppress(UserError):  # the show finds out by itself
            compositor.fill_cache(Path(json.loads(line)["path"]), sizes)
        print("", flush=True)
    return 0
