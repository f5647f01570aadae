"""Install the built wheel in an empty environment, paint, and run the library's examples. Needs a package index."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.library_examples import examples, write_song

ROOT = Path(__file__).parents[2]
EXTRA = "" if sys.platform == "darwin" else "[cpu]"


def run(*command: str | Path, cwd: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.system
def test_the_wheel_paints_in_an_empty_environment(tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("livemusviz-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {entry.filename: entry.compress_size for entry in archive.infolist()}
    assert sum(size for name, size in packed.items() if "/embedded/" in name) < 16e6
    assert not [name for name in packed if name.startswith(("training/", "tests/"))]
    run(sys.executable, "-m", "venv", tmp_path / "empty", cwd=tmp_path)
    python = tmp_path / "empty/bin/python"
    run(python, "-m", "pip", "install", "-q", f"{wheel}{EXTRA}", cwd=tmp_path)
    run(tmp_path / "empty/bin/livemusviz", "generate", "--prompt", "red lava", "-o", "lava.png", cwd=tmp_path)
    red, green, blue = np.asarray(Image.open(tmp_path / "lava.png").convert("RGB"), dtype=float).mean((0, 1))
    assert red > 1.5 * green and red > 1.5 * blue
    write_song(tmp_path)
    for number, code in enumerate(examples().values()):
        script = tmp_path / f"example_{number}.py"
        script.write_text(code)
        run(python, script, cwd=tmp_path)
    run(python, "-m", "livemusviz", "presets", "--json", cwd=tmp_path)  # what lies beside the code in the checkout
    assert {"livemusviz/py.typed", "livemusviz/__init__.pyi"} <= set(packed)
