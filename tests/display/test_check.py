"""`check_shaders`: a file that hangs or kills the driver costs its own verdict, and no other's."""

from pathlib import Path

import pytest

from livemusviz.display import check
from livemusviz.display.check import check_shaders

PLAIN = "/*{}*/\nvoid main() { gl_FragColor = vec4(1.0); }"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "first.fs", tmp_path / "second.fs"]
    for path in paths:
        path.write_text(PLAIN)
    return paths


def test_a_file_that_takes_too_long_is_named_and_the_next_one_drawn(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = iter([0.0, check.LIMIT])
    real = check._Worker.check
    monkeypatch.setattr(check._Worker, "check", lambda worker, path, limit: real(worker, path, next(limits)))
    slow, drawn = check_shaders(files)
    assert not slow.ok and slow.path == str(files[0]) and "not drawn within" in slow.reason
    assert drawn.ok and drawn.kind == "generator"


def test_a_file_on_which_the_process_dies_is_named_and_the_next_one_drawn(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = check._Worker.check

    def dies_on_the_first(worker: check._Worker, path: Path, limit: float) -> check.Verdict:
        if path == files[0]:
            worker._process.kill()
            worker._process.join()
        return real(worker, path, limit)

    monkeypatch.setattr(check._Worker, "check", dies_on_the_first)
    dead, drawn = check_shaders(files)
    assert not dead.ok and "the graphics driver crashed on it" in dead.reason
    assert drawn.ok
