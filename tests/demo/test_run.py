"""The demo can be run again and again."""

from pathlib import Path

import pytest

from demo import run


def test_the_last_run_s_files_are_out_of_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is never begun over the show log of another one."""
    monkeypatch.setattr(run, "ROOT", tmp_path)
    left = [tmp_path / f"demo.{suffix}" for suffix in ("mp4", "png", "json", "jsonl")]
    for path in left:
        path.write_text("of the last run")
    found: list[Path] = []

    def play(*_: object) -> int:
        found.extend(path for path in left if path.exists())
        return 2

    monkeypatch.setattr(run, "play", play)
    assert run.main() == 1
    assert not found
