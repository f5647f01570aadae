"""Files that a command writes: none is also read, written by another flag, or the show log of another recording."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livemusviz.cli import main
from livemusviz.cli.outputs import check_files, check_live
from livemusviz.errors import UserError

LOG = b'{"livemusviz":1,"recording":"set.mp4","rate":48000,"values":{}}\n'


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line with which the program refuses."""
    assert main(["live", "--headless", "--duration", "1", *words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--record", "set.mp4", "--trace", "set.jsonl"], "--trace set.jsonl: the same file as the show log of"),
        (["--stats", "a.json", "--trace", "./a.json"], "--trace a.json: the same file as --stats"),
        (["--log", "a.txt", "--stats", "sub/../a.txt"], "the same file as --stats"),
        (["--input", "song.wav", "--stats", "song.wav"], "--stats song.wav: the same file as --input"),
        (["--input", "song.wav", "--log", "link.wav"], "--log link.wav: the same file as --input"),
        (["--trace", "old.jsonl"], "--trace old.jsonl: the show log of a recording would be lost"),
        (["--log", "old.jsonl"], "--log old.jsonl: the show log of a recording would be lost"),
    ],
)
def test_a_file_used_twice_is_refused_and_left_as_it_was(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    (tmp_path / "link.wav").symlink_to("song.wav")
    (tmp_path / "old.jsonl").write_bytes(LOG)
    before = sorted(os.listdir())
    assert said in told(capsys, *words)
    assert sorted(os.listdir()) == before, "nothing is left behind"
    assert (tmp_path / "song.wav").read_bytes() == b"RIFF" and (tmp_path / "old.jsonl").read_bytes() == LOG


def test_a_gig_file_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gig.toml").write_text("headless = true\n")
    assert main(["gig.toml", "--log", "gig.toml"]) == 2
    assert "--log gig.toml: the same file as the gig file" in capsys.readouterr().err
    assert (tmp_path / "gig.toml").read_text() == "headless = true\n"


def test_a_render_writes_its_figures_into_no_file_that_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    assert main(["render", "song.wav", "-o", "a.mp4", "--stats", "song.wav"]) == 2
    assert "--stats song.wav: the same file as TRACK" in capsys.readouterr().err
    assert main(["render", "song.wav", "-o", "a.mp4", "--stats", "a.mp4"]) == 2
    assert "--stats a.mp4: the same file as -o" in capsys.readouterr().err


def test_files_of_their_own_and_devices_are_fine(tmp_path: Path) -> None:
    null = Path(os.devnull)
    check_live({"--record": tmp_path / "a.mp4", "--trace": tmp_path / "b.jsonl", "--stats": null, "--log": null}, {})
    check_files({"--stats": tmp_path / "a.json", "--trace": None}, {"--input": "Scarlett: 2i2\0", "--playlist": None})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_files({"--trace": tmp_path / "pipe"}, {})


def test_a_name_that_no_file_can_have_is_left_to_who_opens_it(tmp_path: Path) -> None:
    check_files({"--trace": tmp_path / ("x" * 300)}, {"--input": "y" * 5000})
    with pytest.raises(UserError, match="the same file"):
        check_files({"--trace": tmp_path / "a"}, {"--input": str(tmp_path / "a")})
