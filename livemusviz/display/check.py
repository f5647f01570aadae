"""Compiles and draws ISF files off screen, one by one, and reports why some fail. Main thread.

Each file has `LIMIT` seconds. A shader that hangs the driver cannot be stopped from within, so files are checked in a
process of its own, which the caller kills after such a file; another one goes on with the next.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import moderngl
import numpy as np

from livemusviz.display import context
from livemusviz.display.isf import Instant, IsfShader
from livemusviz.display.layers import Buffers, Layer, drop
from livemusviz.display.sound import SoundTextures
from livemusviz.errors import UserError
from livemusviz.isf.header import IMAGE_TYPES, Header

SIZE = (64, 36)  # pixels
FRAMES = 3  # drawn of each, so that persistent buffers are read too
NO_OPENGL = 3  # the worker's exit status
LIMIT = 60.0  # s a file; a software renderer takes long over some
DYING = 1.0  # s that a process whose connection has ended may take to end itself


@dataclass(frozen=True, slots=True)
class Verdict:
    """Holds the result of one file.

    path : of the file.
    ok : True if it was drawn.
    kind : "generator", "filter", "transition" or "".
    reason : why it failed, or "".
    ms : time for reading, compiling and drawing it.
    warnings : parts that are left out of a file that passes.
    """

    path: str
    ok: bool
    kind: str = ""
    reason: str = ""
    ms: float = 0.0
    warnings: tuple[str, ...] = ()


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
        warnings: tuple[str, ...] = ()
        try:
            shader = IsfShader(self._ctx, path, self._array)
            kind = shader.kind
            self._draw(shader)
            warnings = tuple(shader.problems)
            shader.release()
        except UserError as error:
            reason = str(error)
        ms = round((time.perf_counter() - begun) * 1000.0, 1)
        return Verdict(str(path), not reason, kind, reason, ms, warnings)

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

    def _array(self, program: moderngl.Program, cells: tuple[int, int]) -> moderngl.VertexArray:
        return self._ctx.vertex_array(program, [(self._quad, "2f", "isf_corner")], mode=moderngl.TRIANGLE_STRIP)


class _Worker:
    """Runs a process that checks paths one at a time."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(theirs,), name="shader check", daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process ends the connection

    def check(self, path: Path, limit: float) -> Verdict:
        """Return the verdict. Raises EOFError if the process died, TimeoutError after `limit` s."""
        try:
            self._connection.send(path)
            if not self._connection.poll(limit):
                raise TimeoutError
            verdict = self._connection.recv()
        except (BrokenPipeError, ConnectionResetError):
            raise EOFError from None
        assert isinstance(verdict, Verdict)  # noqa: S101
        return verdict

    def close(self) -> int:
        """End the process. Returns its exit status: what it ended with if it died by itself before."""
        self._connection.close()
        self._process.join(DYING)
        self._process.kill()
        self._process.join()
        return self._process.exitcode or 0


def check_shaders(paths: Sequence[Path], limit: float = LIMIT) -> Iterator[Verdict]:
    """Yield a verdict for each file, as it comes. UserError if there is no OpenGL here."""
    worker: _Worker | None = None
    try:
        for path in paths:
            fresh = worker is None
            worker = worker or _Worker()
            try:
                verdict = worker.check(path, limit)
            except TimeoutError:
                worker.close()
                worker = None
                verdict = Verdict(str(path), False, reason=f"{path}: not drawn within {limit:g} s")
            except EOFError:
                status = worker.close()
                worker = None
                if fresh and status == NO_OPENGL:
                    context.headless_context()  # its own complaint
                reason = f"{path}: the graphics driver crashed on it (status {status})"
                verdict = Verdict(str(path), False, reason=reason)
            yield verdict
    finally:
        if worker is not None:
            worker.close()


def _work(connection: Connection) -> None:
    """Receive paths and send verdicts until the connection ends. Exit status NO_OPENGL if there is no OpenGL."""
    try:
        checker = Checker()
    except UserError:
        raise SystemExit(NO_OPENGL) from None
    try:
        while True:
            connection.send(checker.check(connection.recv()))
    except (EOFError, OSError):  # the caller has all it wanted
        pass
