"""Gig files: every flag of `live` as TOML, read and written, and what is refused."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import pytest

from livemusviz.cli import live, main
from livemusviz.cli.gig import is_gig, read_gig, save_gig
from livemusviz.cli.logfile import logged_to
from livemusviz.cli.parser import Parser
from livemusviz.errors import UserError


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    made = Parser(prog="livemusviz live")
    live.add_arguments(made)
    return made


GIG = """# for the club
input = "beat.wav"
screen = 2
fullscreen = true
no-loop = true
operator = false
shaders = ["isf", "more"]
osc-out = ["127.0.0.1:9000", "127.0.0.1:9001"]
web = true
gain = 2.5
seed = 7
prompt = "-- lava = red \\u00e9"
prompt-list = [["lava", 0.5], ["ink", 0.5]]
no-flash-limit = true
duration = 60
"""


def test_every_kind_of_flag_is_read(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    (tmp_path / "beat.wav").touch()
    (tmp_path / "gig.toml").write_bytes(b"\xef\xbb\xbf" + GIG.encode())
    options = parser.parse_args([*read_gig(tmp_path / "gig.toml", parser), "--gain", "1.5"])
    assert options.input == str(tmp_path / "beat.wav"), "what stands beside the file is meant"
    assert (options.screen, options.fullscreen, options.no_loop, options.operator) == (2, True, True, False)
    assert options.shaders == [tmp_path / "isf", tmp_path / "more"]
    assert options.osc_out == ["127.0.0.1:9000", "127.0.0.1:9001"] and options.web == "127.0.0.1:7080"
    assert options.param_gain == "1.5", "the command line stands over the file"
    assert options.param_prompt == "-- lava = red \u00e9" and options.param_flash_limit == "off"
    assert live.knob_values(options).value("prompt_list") == (("lava", 0.5), ("ink", 0.5))


def test_what_is_saved_is_read_again(
    parser: argparse.ArgumentParser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beat.wav").touch()
    (tmp_path / "isf").mkdir()
    words = ["--input", "beat.wav", "--screen", "2", "--no-operator", "--web", "--shaders", "isf", "--gain=2.5"]
    words += ["--osc-out=127.0.0.1:9000", "--prompt", 'a "quoted"\nprompt', "--no-flash-limit", "--fps", "29.97"]
    words += ["--watchdog", "--seed-list", "[[1, 0.5], [2, 0.5]]", "--record", "set.mp4", "--preset", "ink"]
    options = parser.parse_args(words)
    save_gig(tmp_path / "gig.toml", options, parser)
    again = vars(parser.parse_args(read_gig(tmp_path / "gig.toml", parser)))
    given = {**vars(options), "input": str(tmp_path / "beat.wav"), "shaders": [tmp_path / "isf"]}
    assert again == {**given, "record": tmp_path / "set.mp4"}
    with pytest.raises(UserError, match="exists and would be lost"):
        save_gig(tmp_path / "gig.toml", options, parser)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gian = 2", "no flag 'gian'; did you mean 'gain'"),
        ("screen = 'two'", "screen: 'two': give a screen's number"),
        ("screen = true", "screen: true is no value"),
        ("fullscreen = 3", "fullscreen: give true or false"),
        ("shaders = 'isf'", "shaders: give a list"),
        ("onset = 'ears'", "onset: 'ears' is none of superflux, aubio"),
        ("container = {a = 1}", "container: .* is no text and no number"),
        ("duration = 1979-05-27", "duration: '1979-05-27' is no text"),
        ("help = true", "no flag 'help'"),
        ("save-gig = 'a.toml'", "no flag 'save-gig'"),
        ("screen = 99999999999999999999999", "screen: a whole number of 23 digits"),
        ("input = '" + "x" * 70_000 + "'", "may have 65536 bytes"),
        ("= 2", "not TOML"),
        ("\x00", "not TOML"),
    ],
)
def test_what_is_bad_is_one_line_with_file_and_key(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gig.toml"
    path.write_text(text)
    assert main(["live", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"livemusviz: {path}: ")
    with pytest.raises(UserError, match=said):
        read_gig(path, _parser())


def _parser() -> argparse.ArgumentParser:
    made = Parser()
    live.add_arguments(made)
    return made


def test_a_gig_needs_no_command_and_a_missing_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert is_gig("Gig.TOML") and not is_gig("--log=a.toml") and not is_gig("render")
    for words in (["/nonexistent/gig.toml"], ["live", "/nonexistent/gig.toml"]):
        assert main(words) == 2
        assert capsys.readouterr().err == "livemusviz: /nonexistent/gig.toml: No such file or directory\n"


def test_flags_that_are_bad_are_not_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "--gain", "900", "--save-gig", str(tmp_path / "gig.toml")]) == 2
    assert "gain" in capsys.readouterr().err and not (tmp_path / "gig.toml").exists()


def test_the_log_goes_to_a_file_too_and_ends_with_what_went_wrong(tmp_path: Path) -> None:
    path = tmp_path / "show.log"
    path.write_text("of yesterday\n")
    with pytest.raises(UserError, match="no screen"), logged_to(path):
        logging.getLogger("livemusviz.test").warning("a lone surrogate: \ud800")
        raise UserError("no screen")
    lines = path.read_text().splitlines()
    assert lines[0] == "of yesterday" and lines[1].endswith(r"WARNING livemusviz.test: a lone surrogate: \ud800")
    assert lines[2].endswith("ERROR livemusviz: no screen") and len(lines) == 3
    with pytest.raises(UserError, match="--log /nonexistent/a: No such file"), logged_to(Path("/nonexistent/a")):
        raise AssertionError("nothing begins without its log")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_whose_disk_is_full_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with logged_to(Path("/dev/full")):
        for _ in range(3):
            logging.getLogger("livemusviz.test").error("lost")
    assert "Logging error" not in capsys.readouterr().err
