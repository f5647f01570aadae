"""The headless context."""

import subprocess
import sys

import pytest

PROGRAM = """
from pathlib import Path
from livemusviz.display.context import headless_context

context = headless_context()
target = context.simple_framebuffer((64, 64))
target.clear(0.2, 0.4, 0.6)
print(context.info["GL_RENDERER"], target.read()[:3].hex())
print(*(task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Mesa's rasteriser, and /proc")
def test_the_software_rasteriser_draws_on_the_calling_thread():
    """Its own thread and ours race for a fence, and once in some ten thousand frames the show dies of it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    renderer, threads = done.stdout.splitlines()
    assert renderer.endswith("336699")
    assert "llvmpipe-" not in threads
