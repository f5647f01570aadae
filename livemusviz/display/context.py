"""Makes an OpenGL context without a window for `--headless`, and waits for the GPU while other threads run.

Runs on the thread that draws (the main thread of the show).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import moderngl

from livemusviz.errors import UserError

log = logging.getLogger(__name__)


def prefer_no_raster_thread() -> None:
    """Ask Mesa's software rasteriser to draw on the calling thread, so that the model keeps its cores. A GPU does not
    care.

    With threads, Mesa 22.3 may free a fence that its raster thread is still signalling, once in some ten thousand
    frames: the show then hangs or dies of a corrupted heap. Has an effect only before the first context of the process,
    and none if the user has set it.
    """
    os.environ.setdefault("LP_NUM_THREADS", "0")


def draws_in_software(ctx: moderngl.Context) -> bool:
    """Return True if the processor draws: Mesa's rasterisers, SwiftShader, Windows' WARP."""
    renderer = str(ctx.info.get("GL_RENDERER", "")).lower()
    return any(name in renderer for name in ("llvmpipe", "softpipe", "swrast", "swiftshader", "basic render"))


def headless_context() -> moderngl.Context:
    """Return a context that no window belongs to, current on this thread. UserError if this machine cannot make one."""
    prefer_no_raster_thread()
    backend: dict[str, Any] = {} if sys.platform in ("darwin", "win32") else {"backend": "egl"}
    try:
        return moderngl.create_context(standalone=True, require=330, **backend)  # the driver gives the newest it has
    except Exception as error:  # glcontext raises nothing narrower
        reason = " ".join(str(error).split())[:120]
    raise UserError(
        f"--headless: no OpenGL 3.3 through EGL here ({reason}); on Debian or Ubuntu: "
        "apt install libegl1 libgl1 libgl1-mesa-dri"
    )


def finisher(ctx: moderngl.Context) -> Callable[[], None]:
    """Return a function that waits until the GPU has drawn everything.

    `ctx.finish` holds the GIL while it waits, which would stall the model's thread; glFinish called through
    ctypes does not.
    """
    name = ctypes.util.find_library("OpenGL" if sys.platform == "darwin" else "GL")
    if name is None or sys.platform == "win32":
        return ctx.finish
    try:
        gl_finish = ctypes.CDLL(name).glFinish
    except (OSError, AttributeError) as error:
        log.info("glFinish is not to be had (%s); waiting with the GIL held", error)
        return ctx.finish
    gl_finish.argtypes, gl_finish.restype = [], None
    return gl_finish
