"""Names of files on the command line that lead to no plain file: one line and status 2, at once."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from livemusviz import assets
from livemusviz.cli import live, main
from livemusviz.cli.gig import read_gig
from livemusviz.cli.parser import Parser
from livemusviz.display.maps import ScreenMaps
from livemusviz.display.trial import TrialMarker
from livemusviz.errors import UserError
from livemusviz.folders import home, user_folder
from livemusviz.regular import open_regular, read_regular
from livemusviz.render.resume import Bookmarks

LONG = "n" * 300
SHOW = ["--headless", "--duration", "0.1", "--input", "none", "--midi", "off"]
PIPES = [
    ["live", "x.toml"],
    ["live", "--playlist", "x.toml", *SHOW],
    ["live", "--init-image", "x.png", *SHOW],
    ["render", "a.wav", "-o", "z.mp4", "--cues", "x.toml"],
    ["render", "a.wav", "-o", "z.mp4", "--playlist", "x.toml"],
    ["render", "--from-log", "x.jsonl", "-o", "z.mp4"],
    ["shaders", "check", "x.fs"],
]
UNUSABLE = [
    ["live", f"{LONG}.toml"],
    *(["live", flag, LONG, *SHOW] for flag in ("--pictures", "--shaders", "--models", "--stats", "--playlist")),
    ["live", "--input", f"{LONG}.wav", "--headless"],
    ["live", "--save-gig", f"{LONG}.toml"],
    ["live", "--style", "a.png", "--style-adapter", LONG, *SHOW],
    ["render", f"{LONG}.wav", "-o", "z.mp4"],
    ["render", "a.wav", "-o", f"{LONG}.mp4"],
    ["analyse", f"{LONG}.wav"],
    ["analyse", "a.wav", "-o", f"{LONG}.png"],
    ["generate", "--prompt", "a", "-o", f"{LONG}.png"],
    ["shaders", "check", LONG],
    ["models", "list", LONG],
    ["models", "convert", LONG, "-o", "z", "--bits", "4"],
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a short track, a picture, and pipes that nobody writes."""
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "a.wav", np.zeros((4800, 2)), 48000)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for suffix in ("toml", "jsonl", "fs", "png"):
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / f"x.{suffix}")
    return tmp_path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("words", PIPES, ids=" ".join)
def test_a_pipe_is_refused_and_not_waited_for(folder: Path, words: list[str], capfd: pytest.CaptureFixture) -> None:
    assert main(words) in (1, 2)
    told = capfd.readouterr()
    assert "not a regular file" in told.err + told.out and "Traceback" not in told.err


@pytest.mark.parametrize("words", UNUSABLE, ids=lambda words: " ".join(words).replace(LONG, "LONG"))
def test_a_name_that_no_file_can_have_is_one_line(
    folder: Path, words: list[str], capsys: pytest.CaptureFixture
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "too long" in told[0] and len(told[0]) < 600


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_regular(path, 3) == b"1234" and read_regular(path, 9) == b"12345"
    for other in (tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(other)


def test_home_is_meant_where_no_shell_has_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    parser = Parser(prog="livemusviz live")
    live.add_arguments(parser)
    gig = ['input = "~/a.wav"', 'picture = "video:~/clip.mp4"', 'record = "~/set.mp4"', 'shaders = ["~/isf"]']
    (tmp_path / "gig.toml").write_text("\n".join([*gig, 'prompt = "~ waves ~"']))
    options = parser.parse_args(read_gig(tmp_path / "gig.toml", parser))
    assert (options.input, options.picture) == (str(tmp_path / "a.wav"), f"video:{tmp_path / 'clip.mp4'}")
    assert options.record == tmp_path / "set.mp4" and options.shaders == [tmp_path / "isf"]
    assert options.param_prompt == "~ waves ~"
    assert parser.parse_args(["--record=~nobody-of-that-name/x.mp4"]).record == Path("~nobody-of-that-name/x.mp4")


def test_a_user_without_a_home_has_no_files_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert not home().is_dir() and not (user_folder() / "presets").exists()
    assert "lava" in assets.find_presets()
    with pytest.raises(UserError, match="cannot save"):
        assets.save_preset("mine", "", {"seed": 2}, {})


def test_a_folder_that_may_not_be_looked_into_is_left_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / LONG))
    with caplog.at_level(logging.WARNING):
        assert "lava" in assets.find_presets() and "lava" in assets.find_presets() and assets.find_shaders()
    assert sum("presets is left out" in line for line in caplog.messages) == 1
    assert sum("shaders is left out" in line for line in caplog.messages) == 1


@pytest.mark.parametrize("data", [b"[" * 200_000, b"\xff\xfe", b"{}", b"[[1]]", b"NaN"])
def test_a_damaged_marker_of_shaders_is_as_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "marker.json").write_bytes(data)
    with TrialMarker(tmp_path / "marker.json").trying(tmp_path / "mine.fs"):
        pass


@pytest.mark.parametrize("settings", ['{"corners": null, "edges": [NaN, 0, 0, 0], "turn": 0}',
    '{"corners": [[0, 0], [1, 0], [1, 1e999], [0, 1]], "edges": [0, 0, 0, 0], "turn": 0}',
    '{"corners": null, "edges": [0, 0, 0, 0], "turn": 1e999}'])  # fmt: skip
def test_pins_that_no_screen_can_have_are_refused(
    tmp_path: Path, settings: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "screens.json").write_text(f'{{"Beamer": {settings}}}')
    ScreenMaps(tmp_path / "screens.json")
    assert "not a file of pins" in caplog.text


@pytest.mark.parametrize("data", [b"[1]", b"[" * 200_000, b"\x00\xff", b"3"])
def test_damaged_settings_of_a_film_are_other_settings(tmp_path: Path, data: bytes) -> None:
    marks = Bookmarks(tmp_path / "film.mp4", {"--seed": "1"})
    marks.begin()
    (marks.folder / "settings.json").write_bytes(data)
    (marks.folder / "1st try.npz").touch()
    with pytest.raises(UserError, match="other settings"):
        marks.check_same()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("flag", ["--log", "--trace"])
def test_a_pipe_that_nobody_reads_is_not_written_to(folder: Path, flag: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["live", flag, "x.jsonl", *SHOW]) == 2
    assert "x.jsonl: No such device or address" in capsys.readouterr().err


ODD = [
    "--gain=--",
    "--seed=--",
    "--fps=--",
    "--record=",
    "--record=/",
    "--osc-port=" + "9" * 400,
    "--blas-threads=" + "9" * 4000,
    "--osc-out=a:" + "9" * 5000,
    "--osc-out=a:\N{SUPERSCRIPT TWO}",
    "--out=ndi:fps=\N{SUPERSCRIPT TWO}",
]


@pytest.mark.parametrize("word", ODD, ids=lambda word: word[:16])
def test_odd_values_of_flags_are_one_line_and_short(word: str, capsys: pytest.CaptureFixture) -> None:
    try:
        status = main(["live", word, *SHOW])
    except SystemExit as end:
        status = int(end.code or 0)
    told = capsys.readouterr().err
    assert status == 2 and len(told) < 500 and "Traceback" not in told


def test_two_dashes_are_a_value_as_any_other(capsys: pytest.CaptureFixture) -> None:
    parser = Parser(prog="livemusviz live")
    live.add_arguments(parser)
    assert parser.parse_args(["--prompt=--"]).param_prompt == "--"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
@pytest.mark.parametrize("words", [["presets"], ["osc", "--json"]], ids=" ".join)
def test_output_onto_a_full_disk_is_one_line(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "livemusviz", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.stderr.splitlines() == ["livemusviz: standard output: No space left on device"]
    assert done.returncode == 2
