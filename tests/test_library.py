"""`import livemusviz` as a library: lazy, typed, and as its page shows it."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import livemusviz
from tests.library_examples import examples, write_song

PACKAGE = Path(livemusviz.__file__).parent
WITHOUT_A_SHOW = [title for title in examples() if title != "Run a show"]


def run_script(folder: Path, code: str) -> None:
    script = folder / "example.py"
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_name_is_there_and_no_other() -> None:
    for name in livemusviz.__all__:
        assert getattr(livemusviz, name) is not None
    with pytest.raises(AttributeError, match="nonesuch"):
        livemusviz.nonesuch  # noqa: B018


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    imported = {
        alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert imported == {name: f"livemusviz.{module}" for name, module in livemusviz._MODULES.items()}


def test_importing_loads_nothing() -> None:
    code = "import sys, livemusviz; print(len([name for name in sys.modules if name.startswith('livemusviz.')]))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


def test_the_page_names_what_there_is() -> None:
    page = (PACKAGE.parent / "docs/LIBRARY.md").read_text()
    for name in livemusviz.__all__[1:]:
        assert f"`{name}" in page, name


def test_examples_run(tmp_path: Path) -> None:
    write_song(tmp_path)
    run_script(tmp_path, "\n".join(examples()[title] for title in WITHOUT_A_SHOW))
    assert (tmp_path / "film.mp4").stat().st_size > 10_000
    assert (tmp_path / "lava.png").is_file()


@pytest.mark.system
def test_the_show_of_the_page_runs(tmp_path: Path) -> None:
    write_song(tmp_path)
    run_script(tmp_path, examples()["Run a show"])
