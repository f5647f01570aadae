"""File names and disk space."""

import re
import shutil
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livemusviz.errors import UserError
from livemusviz.record.files import check_room, create_exact, create_labelled, next_part, slug

NIGHT = datetime(2026, 11, 23, 23, 59, 1)


@given(st.text(max_size=200))
def test_a_slug_is_always_a_harmless_name(label: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", slug(label))


@pytest.mark.parametrize("label", ["../../etc/passwd", "/abs", "a\0b", "~root", "..", "C:\\x", "a/../../b"])
def test_a_label_never_leaves_the_folder(tmp_path: Path, label: str) -> None:
    assert create_labelled(tmp_path / "r", label, NIGHT).parent == tmp_path / "r"


def test_labelled_files_never_collide(tmp_path: Path) -> None:
    names = {create_labelled(tmp_path, "drop", NIGHT).name for _ in range(3)}
    assert names == {f"2026-11-23_23-59-01_drop{tail}.mp4" for tail in ("", "_2", "_3")}


def test_an_existing_file_is_never_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "set.mp4"
    path.write_bytes(b"last night")
    with pytest.raises(UserError, match="exists and would be lost"):
        create_exact(path)
    assert path.read_bytes() == b"last night"
    assert create_exact(path, overwrite=True).read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("set.avi", "call it set.mp4"), ("nowhere/set.mp4", "there is no folder"), ("file/set.mp4", "no folder|cannot")],
)
def test_a_path_that_cannot_be_written_is_told_in_one_line(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=complaint) as caught:
        create_exact(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot make the folder"):
        create_labelled(tmp_path / "file" / "recordings", "x", NIGHT)


def test_too_little_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=499_000_000))
    with pytest.raises(UserError, match="499 MB free"):
        check_room(tmp_path)


def test_a_recording_is_not_called_as_the_log_of_another(tmp_path: Path) -> None:
    """Its film was renamed; the log is refused and passed by as the film would be."""
    (tmp_path / "gig.jsonl").write_bytes(b"last night")
    with pytest.raises(UserError, match=r"gig.jsonl, the show log of another recording, exists and would be lost"):
        create_exact(tmp_path / "gig.mp4")
    assert not (tmp_path / "gig.mp4").exists()
    first = create_labelled(tmp_path, "drop", NIGHT)
    first.with_suffix(".jsonl").touch()
    first.unlink()
    assert create_labelled(tmp_path, "drop", NIGHT).stem == first.stem + "_2"
    assert next_part(tmp_path / "gig.mp4").name == "gig_2.mp4"


def test_the_next_part_of_a_recording_is_the_first_free_one(tmp_path: Path) -> None:
    path, names = tmp_path / "set.mp4", []
    for _ in range(3):
        path.touch()
        path = next_part(path)
        names.append(path.name)
    assert names == ["set_2.mp4", "set_3.mp4", "set_4.mp4"]
    (tmp_path / "tour_2026.mkv").touch()
    assert next_part(tmp_path / "tour_2026.mkv").name == "tour_2026_2.mkv"
    assert next_part(tmp_path / "free.mp4").name == "free.mp4"
