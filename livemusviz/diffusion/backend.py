"""Sets MLX up for speed: the BLAS under it, the default device, the limit of its cache, a private JIT folder.

Call `prepare_backend()` before anything imports mlx, on any thread; only the stdlib is needed until it returns. The
other functions import mlx and belong to the engine thread. MLX arrays, compiled functions and the random state belong
to one thread: whatever this room makes is created, evaluated, compiled and used on that thread alone.
"""

import ctypes
import ctypes.util
import glob
import logging
import os
import sys
import tempfile
import time

from livemusviz.errors import UserError
from livemusviz.folders import cache_folder
from livemusviz.platforms import library_loaded, only_user_writes

log = logging.getLogger(__name__)

CACHE_LIMIT = 1 << 30
"""Bytes of freed buffers that MLX may keep for reuse; without a limit its cache only grows."""

SLOW_BLAS_GFLOPS = 12.0
"""A 2-core machine reaches 4-5 with netlib's reference BLAS and 60 or more with OpenBLAS."""

_OPENBLAS_NAMES = ("libopenblas.so.0", "libopenblasp.so.0", "libopenblas.so")
_OPENBLAS_PATTERNS = (
    "/usr/lib/*/openblas-pthread/libblas.so.3",
    "/usr/lib/*/openblas*/libopenblas*.so.0",
    "/usr/lib64/libopenblasp*.so.0",
    "/usr/local/lib/libopenblas*.so*",
    "/opt/OpenBLAS/lib/libopenblas.so*",
)
_openblas: ctypes.CDLL | None = None
_threads: int | None = None  # that `blas_threads` returns, whatever OpenBLAS uses at the moment


def prepare_backend(device: str | None = None, blas_threads: int | None = None) -> str:
    """Load OpenBLAS under MLX where that matters, then import mlx and set it up.

    device : "cpu" keeps MLX off the GPU; None takes MLX's own choice.
    blas_threads : that OpenBLAS multiplies with; None leaves it at its own choice, one for each core.
    Returns `backend_name()`. Calling it again is harmless. After `import mlx` it may be too late for OpenBLAS; then
    `blas_name()` returns another name.
    """
    load_blas()
    if blas_threads is not None:
        _set_blas_threads(blas_threads)
    if sys.platform.startswith("linux"):
        _private_jit_folder()
    try:
        import mlx.core as mx
    except ImportError as error:
        raise UserError(f"mlx cannot be imported ({error}); install livemusviz[cpu], [cuda12] or [cuda13]") from None

    if device == "cpu":
        mx.set_default_device(mx.Device(mx.cpu))
    mx.set_cache_limit(CACHE_LIMIT)
    return backend_name()


def load_blas() -> None:
    """Load OpenBLAS, whose threads inherit the caller's priority, where MLX would use it and is not imported yet."""
    if sys.platform.startswith("linux") and _openblas is None and "mlx.core" not in sys.modules:
        _load_openblas()


def release_memory() -> None:
    """Release the buffers that MLX keeps for reuse, for example after a model was dropped."""
    import mlx.core as mx

    mx.clear_cache()


def backend_name() -> str:
    """Return the default device of MLX: "cpu", "metal" or "cuda"."""
    import mlx.core as mx

    if mx.default_device().type == mx.DeviceType.cpu:
        return "cpu"
    return "metal" if mx.metal.is_available() else "cuda"


def blas_name() -> str:
    """Return the library that multiplies matrices: "metal", "cuda", "accelerate", "openblas" or "netlib (slow)".

    On a Linux CPU MLX calls the BLAS that was loaded with global symbols before it. Without one the speed is measured,
    for its own may be the system's or the bundled reference BLAS; that takes 5 ms, or 80 ms in the slow case.
    """
    backend = backend_name()
    if backend != "cpu":
        return backend
    if sys.platform == "darwin":
        return "accelerate"
    if sys.platform.startswith("linux") and "openblas" in _global_blas():
        return "openblas"  # however slow it is on a busy machine
    if matmul_gflops() < SLOW_BLAS_GFLOPS:
        return "netlib (slow)"
    return "openblas" if library_loaded("openblas") else "system BLAS"


class _SymbolInfo(ctypes.Structure):
    """Dl_info (man 3 dladdr)."""

    _fields_ = (
        ("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("name", ctypes.c_char_p), ("address", ctypes.c_void_p),
    )  # fmt: skip


def _global_blas() -> str:
    """Return the path of the library whose `cblas_sgemm` every later library binds to, "" without one."""
    everything = ctypes.CDLL(None)
    info = _SymbolInfo()
    try:
        address = ctypes.cast(everything.cblas_sgemm, ctypes.c_void_p)
        found = everything.dladdr(address, ctypes.byref(info))
    except AttributeError:
        return ""
    return os.path.realpath(os.fsdecode(info.file)) if found and info.file else ""


def matmul_gflops(size: int = 256, runs: int = 10) -> float:
    """Return the best of `runs` fp32 products of two (size, size) matrices, in 1e9 floating-point operations a
    second."""
    import mlx.core as mx

    a = mx.full((size, size), 0.5)
    mx.eval(a, a @ a)
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        mx.eval(a @ a)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def blas_threads() -> int | None:
    """Return how many threads matrices are multiplied with by OpenBLAS; None where it is not loaded."""
    global _threads
    if _threads is None and _openblas is not None:
        _threads = int(_openblas.openblas_get_num_threads())
    return _threads


def share_threads(among_streams: bool) -> int:
    """Let OpenBLAS use all its threads for each product, or one, so that as many MLX streams can multiply at once.

    Streams suit a small model: MLX's own loops use all cores too, and no BLAS thread spins while it waits for another.
    Returns how many streams to use.
    """
    threads = blas_threads() or 1
    if _openblas is not None:
        _openblas.openblas_set_num_threads(1 if among_streams else threads)
    return threads if among_streams else 1


def _set_blas_threads(count: int) -> None:
    """Threads above `count` that OpenBLAS has started already get no more work, and sleep."""
    global _threads
    if _openblas is not None:
        _threads = count
        _openblas.openblas_set_num_threads(count)


def _load_openblas() -> str | None:
    """Load OpenBLAS with global symbols, so that libmlx binds to it and not to the BLAS in its wheel."""
    global _openblas
    found = ctypes.util.find_library("openblas")
    names = ([found] if found else []) + list(_OPENBLAS_NAMES)
    paths = [p for pattern in _OPENBLAS_PATTERNS for p in sorted(glob.glob(pattern))]
    for name in dict.fromkeys(names + paths):
        try:
            library = ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        if hasattr(library, "cblas_sgemm"):
            log.debug("OpenBLAS loaded from %s", name)
            _openblas = library if hasattr(library, "openblas_set_num_threads") else None
            return name
    log.warning("OpenBLAS not found: MLX falls back to a BLAS some 30 times slower (Debian/Ubuntu: libopenblas0)")
    return None


def _private_jit_folder() -> None:
    """Point TMPDIR at a folder only this user can write.

    MLX's CPU compiler puts shared objects at a predictable path under TMPDIR and loads them; in a world-writable
    /tmp another user could plant one. Python's own temporary folder stays where it was.
    """
    tempfile.gettempdir()
    cache = cache_folder() / "jit"
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        if only_user_writes(cache):
            os.environ["TMPDIR"] = str(cache)
            return
    except OSError:
        log.debug("no cache folder at %s", cache)
    os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="livemusviz-jit-")
