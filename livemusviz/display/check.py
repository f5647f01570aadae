"""Compiles and draws ISF files off screen, one by one, and says what is wrong with those that fail. Main thread.

Each file has `LIMIT` seconds. A shader that hangs the driver cannot be stopped from within, so files are checked in a
process of its own (`python -m livemusviz.display.check`), which the caller kills and starts again behind such a file.
"""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import moderngl
import numpy as np

from livemusviz.display import context
from livemusviz.display.isf import Buffers, Instant, IsfShader, Layer, drop
from livemusviz.display.sound import SoundTextures
from livemusviz.errors import UserError
from livemusviz.isf.header import IMAGE_TYPES, Header

SIZE = (64, 36)  # pixels
FRAMES = 3  # drawn of each, so that persistent buffers are read too
NO_OPENGL = 3  # the worker's exit status
LIMIT = 60.0  # s a file; a software renderer takes long over some


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one file. kind : "generator", "filter", "transition" or "".  reason : why it failed, or "".

    ms : for reading, compiling and drawing it.
    """

    path: str
    ok: bool
    kind: str = ""
    reason: str = ""
    ms: float = 0.0


class Checker:
    """Checks files in the process that it is in. UserError if there is no OpenGL."""

    def __init__(self) -> None:
        self._ctx = context.headless_context()
        quad = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
        self._quad = self._ctx.buffer(quad.tobytes())
        self._target = Layer(self._ctx, SIZE)
        self._sound = SoundTextures(self._ctx)
        y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
        picture = np.stack([x * 4, y * 7, (x * y) % 256, np.full_like(x, 255)], axis=-1).astype(np.uint8)
        self._picture = self._ctx.texture(SIZE, 4, picture.tobytes())

    def check(self, path: Path) -> Verdict:
        begun = time.perf_counter()
        kind = reason = ""
        try:
            shader = IsfShader(self._ctx, path, self._array)
            kind = shader.kind
            self._draw(shader)
            shader.release()
        except UserError as error:
            reason = str(error)
        return Verdict(str(path), not reason, kind, reason, round((time.perf_counter() - begun) * 1000.0, 1))

    def _draw(self, shader: IsfShader) -> None:
        buffers: Buffers = {}
        images = self._images(shader.header)
        try:
            for i in range(FRAMES):
                shader.draw(self._target, Instant(i / 60.0, 1.0 / 60.0, i), {"progress": 0.5}, images, buffers)
            self._ctx.finish()
            if self._ctx.error != "GL_NO_ERROR":
                raise UserError(f"{shader.path}: drawing it failed")
        finally:
            drop(buffers)

    def _images(self, header: Header) -> dict[str, moderngl.Texture]:
        sounds = {"audio": self._sound.wave, "audioFFT": self._sound.spectrum}
        return {e.name: sounds.get(e.type, self._picture) for e in header.inputs if e.type in IMAGE_TYPES}

    def _array(self, program: moderngl.Program, fine: bool) -> moderngl.VertexArray:
        return self._ctx.vertex_array(program, [(self._quad, "2f", "isf_corner")], mode=moderngl.TRIANGLE_STRIP)


class _Worker:
    """A process that checks the paths it is sent, a line each way."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "livemusviz.display.check"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)  # noqa: S603

    def check(self, path: Path, limit: float) -> Verdict | None:
        """The verdict, or None if the process died or took longer than `limit` s; it is gone then."""
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write((json.dumps(str(path)) + "\n").encode())
        except BrokenPipeError:
            return None
        answer, deadline = b"", time.monotonic() + limit
        while not answer.endswith(b"\n"):
            if not select.select([self._process.stdout], [], [], max(deadline - time.monotonic(), 0.0))[0]:
                self.close()
                return None
            piece = self._process.stdout.read(65536)
            if not piece:
                return None
            answer += piece
        return Verdict(**json.loads(answer))

    def close(self) -> int:
        """End it; its exit status."""
        self._process.kill()
        return self._process.wait()

    @property
    def status(self) -> int | None:
        return self._process.poll()


def check_files(paths: Sequence[Path], limit: float = LIMIT) -> Iterator[Verdict]:
    """A verdict for each file, as they come. UserError if there is no OpenGL here."""
    worker: _Worker | None = None
    try:
        for path in paths:
            fresh = worker is None
            worker = worker or _Worker()
            verdict = worker.check(path, limit)
            if verdict is None:
                status = worker.close()
                worker = None
                if fresh and status == NO_OPENGL:
                    context.headless_context()  # its own complaint
                verdict = Verdict(str(path), False, reason=_gone(path, status, limit))
            yield verdict
    finally:
        if worker is not None:
            worker.close()


def _gone(path: Path, status: int, limit: float) -> str:
    if status == -signal.SIGKILL:
        return f"{path}: not drawn within {limit:g} s"
    return f"{path}: the graphics driver crashed on it (status {status})"


def main() -> int:
    """The worker: a path, as JSON, on each line of stdin; a verdict on each line of stdout."""
    try:
        checker = Checker()
    except UserError:
        return NO_OPENGL
    for line in sys.stdin:
        print(json.dumps(asdict(checker.check(Path(json.loads(line))))), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
