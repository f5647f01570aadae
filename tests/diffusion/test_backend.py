"""Which BLAS is under MLX, told by processes that load it in different orders."""

import ctypes.util
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="macOS brings its own BLAS")


def told(first: str, threads: int | None = None) -> str:
    """`blas_name()` and, if asked for, the threads of the BLAS, in a fresh process that does something first."""
    code = f"{first}\nfrom livemusviz.diffusion import backend\nbackend.prepare_backend('cpu', {threads})\n"
    code += "print(backend.blas_name())" + ("" if threads is None else "\nprint(backend.blas_threads())")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_prepared_in_time_it_is_openblas() -> None:
    if ctypes.util.find_library("openblas") is None:
        pytest.skip("no OpenBLAS on this machine")
    assert told("", threads=1) == "openblas\n1"


def test_with_mlx_imported_first_it_is_not_openblas_even_where_openblas_is_loaded() -> None:
    assert told("import mlx.core as mx; mx.eval(mx.ones((8, 8)) @ mx.ones((8, 8)))") == "netlib (slow)"
    late = "import ctypes, ctypes.util, mlx.core as mx; mx.eval(mx.ones((8, 8)) @ mx.ones((8, 8)))\n"
    late += "name = ctypes.util.find_library('openblas')\nif name: ctypes.CDLL(name)"
    assert told(late) == "netlib (slow)"


def test_a_busy_machine_does_not_make_openblas_another_library() -> None:
    if ctypes.util.find_library("openblas") is None:
        pytest.skip("no OpenBLAS on this machine")
    slow = "from livemusviz.diffusion import backend\nbackend.matmul_gflops = lambda *sizes: 1.0"
    assert told(slow) == "openblas"
