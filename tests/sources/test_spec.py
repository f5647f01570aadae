"""Names of sources: what each means, and what is refused in one line."""

from pathlib import Path

import pytest

from livemusviz.errors import UserError
from livemusviz.sources.spec import PictureSpec, check_file, parse_picture, within_folder


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("none", None),
        ("camera", PictureSpec("camera")),
        ("camera:FaceTime HD", PictureSpec("camera", "FaceTime HD")),
        ("screen", PictureSpec("screen")),
        ("video:a clip.mp4", PictureSpec("video", "a clip.mp4")),
        ("clip.MOV", PictureSpec("video", "clip.MOV")),
        ("portrait.jpg", PictureSpec("still", "portrait.jpg")),
        ("C:\\shows\\portrait.jpg", PictureSpec("still", "C:\\shows\\portrait.jpg")),
        ("ndi:STAGE (Camera 1)", PictureSpec("ndi", "STAGE (Camera 1)")),
        ("syphon:Resolume", PictureSpec("syphon", "Resolume")),
        ("spout:Arena", PictureSpec("spout", "Arena")),
    ],
)
def test_every_form(text: str, spec: PictureSpec | None) -> None:
    assert parse_picture(text) == spec
    assert spec is None or parse_picture(spec.text) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no source; give FILE"),
        ("webcam:0", "no source of the kind 'webcam'; give FILE"),
        ("ndi", "ndi needs a name"),
        ("spout:", "spout needs a name"),
        ("video:", "give a file as video:FILE"),
        ("a\0b", "names no source"),
    ],
)
def test_what_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_picture(text)


def test_a_running_show_takes_files_from_one_folder_only(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x")
    found = within_folder(PictureSpec("video", "clip.mp4"), tmp_path)
    assert found == PictureSpec("video", str(tmp_path / "clip.mp4"))
    camera = PictureSpec("camera", "any")
    assert within_folder(camera, None) == camera
    for name in ("/etc/passwd", "../clip.mp4", "sub/clip.mp4"):
        with pytest.raises(UserError, match="without a folder"):
            within_folder(PictureSpec("still", name), tmp_path)
    with pytest.raises(UserError, match="start the show with --pictures FOLDER"):
        within_folder(PictureSpec("video", "clip.mp4"), None)
    with pytest.raises(UserError, match="no such file"):
        within_folder(PictureSpec("still", "missing.png"), tmp_path)


def test_a_file_must_be_there_and_regular(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        check_file(PictureSpec("still", str(tmp_path / "none.png")))
    with pytest.raises(UserError, match="not a regular file"):
        check_file(PictureSpec("video", str(tmp_path)))
    with pytest.raises(UserError, match="File name too long"):
        check_file(PictureSpec("still", "x" * 5000))
