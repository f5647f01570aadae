"""The command line as a user meets it, in subprocesses where start-up matters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from livemusviz.cli import COMMANDS, main
from livemusviz.cli.osc import markdown

CONTROL = Path(__file__).parents[2] / "docs/CONTROL.md"


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"livemusviz {name}" in capsys.readouterr().out


BAD_WORDS = {
    "unknown command": (["fly"], "no command 'fly'"),
    "size no number": (["live", "--size", "big"], "give one number or WIDTHxHEIGHT"),
    "size no multiple": (["live", "--size", "250"], "multiple of 32"),
    "size huge": (["live", "--size", "99999"], "64..2048"),
    "unknown preset": (["live", "--preset", "lavva"], "did you mean 'lava'"),
    "fade out of range": (["live", "--fade", "61"], "fade: 61.0 is outside 0..60 s"),
    "fade no number": (["live", "--fade", "soon"], "fade: 'soon' is not a number"),
    "seed too large": (["live", "--seed", "99999999999"], "seed: 99999999999 is outside 0..2147483647"),
    "half a character": (["live", "--prompt", "caf\udce9"], "prompt: 'caf\\udce9' has half a character"),
    "a weight that is none": (["live", "--lora", "f:abc"], "--lora f:abc: the weight 'abc' is no number; give -4 to 4"),
    "no such control": (["live", "--control", "nonesuch:canny"], "--control nonesuch:canny: no such folder"),
    "a control picture alone": (["live", "--control-picture", "x.png"], "--control-picture: 1 for 0 --control"),
    "a style alone": (["live", "--style", "x.png"], "--style: give the IP-Adapter too, as --style-adapter"),
    "a command like render": (["rendr", "a.wav"], "no command 'rendr'; did you mean 'render'?"),
    "seed no number": (["live", "--seed", "1.5"], "seed: '1.5' is not a number"),
    "prompt too long": (["live", "--prompt", "x" * 2000], "2000 characters"),
    "no such model": (["live", "--model", "/nonesuch"], "/nonesuch"),
    "model not fetched": (["live", "--model", "nobody/nothing"], "nobody/nothing"),
    "address": (["live", "--osc-out", "nowhere"], "HOST:PORT"),
    "port": (["live", "--osc-port", "99999"], "--osc-port"),
    "duration": (["live", "--duration", "-1"], "--duration"),
    "input no file": (["live", "--headless", "--duration", "1", "--input", "nonesuch.wav"], "nonesuch.wav"),
    "still of no size": (["generate", "--prompt", "x", "--size", "1", "-o", "x.png"], "64..2048"),
    "bench runs": (["bench", "--runs", "0"], "--runs 0"),
    "a device cannot wait": (["live", "--wait-for-picture"], "--wait-for-picture: only a sound file can wait"),
    "bench on no thread": (["bench", "--blas-threads", "0"], "--blas-threads 0: give 1 to 256"),
    "display too fast": (["live", "--fps", "241"], "--fps 241: give 1 to 240"),
    "too many encoder threads": (["live", "--encoder-threads", "65"], "--encoder-threads 65: give 1 to 64"),
    "source of no kind": (["live", "--picture", "webcam:0"], "no source of the kind 'webcam'; give FILE"),
    "two pictures": (["live", "--picture", "camera", "--init-image", "x.png"], "--init-image and --picture: give one"),
    "no folder of pictures": (["live", "--pictures", "nonesuch"], "--pictures nonesuch: no such folder"),
    "bench from a picture": (["bench", "--runs", "1", "--init-image", "x.png"], "--init-image: bench"),
}


@pytest.mark.parametrize("case", BAD_WORDS)
def test_bad_words_are_one_line_and_status_2(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, says = BAD_WORDS[case]
    assert main(words) == 2
    told = capsys.readouterr().err.strip()
    assert says in told and "\n" not in told and told.startswith("livemusviz: ")


MISTYPED = {
    "flag": (["live", "--promt", "red"], "did you mean --prompt?"),
    "flag of plain livemusviz": (["--fulscreen"], "did you mean --fullscreen?"),
    "flag with a value": (["render", "a.wav", "-o", "b.mp4", "--canvass=64x64"], "did you mean --canvas?"),
    "flag of a verb": (["models", "fetch", "a/b", "--revison", "x"], "did you mean --revision?"),
    "nothing like it": (["live", "--xyzzy"], "unrecognized arguments: --xyzzy"),
    "choice": (["live", "--guidance", "ful"], "invalid choice: 'ful'"),
    "missing": (["render", "a.wav"], "-o/--output"),
}


@pytest.mark.parametrize("case", MISTYPED)
def test_a_mistyped_flag_is_three_lines_at_most(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, says = MISTYPED[case]
    with pytest.raises(SystemExit) as caught:
        main(words)
    told = capsys.readouterr().err
    assert caught.value.code == 2 and says in told and len(told.splitlines()) <= 3
    assert "--help` lists the flags" in told.splitlines()[-1]


def test_the_version_is_told_and_named_in_every_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    version = capsys.readouterr().out
    assert main(["--help"]) == 0 and "--version" in capsys.readouterr().out
    for words, says in ((["live", "--version"], version), (["render", "--help"], "--version")):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0 and says in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_for_a_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in ("render", "fullscreen", "walk-speed", "fetch"))


def test_bash_completes_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "a track.wav").touch()
    asked = {
        "livemusviz ren": "render",
        "livemusviz render --ov": "--overwrite",
        "livemusviz live --fulls": "--fullscreen",
    }
    for line, wanted in asked.items():
        words = " ".join(f"'{word}'" for word in line.split())
        shell = f"source {tmp_path}/script; COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); "
        shell += f"COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; "
        shell += "$(complete -p livemusviz | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\n' \"${COMPREPLY[@]}\""
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=tmp_path, timeout=30)
        assert wanted in done.stdout.split(), (line, done.stdout, done.stderr)


def test_presets_and_osc_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--json"]) == 0
    assert {"name", "description", "path"} <= set(json.loads(capsys.readouterr().out)[0])
    assert main(["osc", "list", "--json"]) == 0
    addresses = [row["address"] for row in json.loads(capsys.readouterr().out)]
    assert "/prompt" in addresses and "/record/start" in addresses


def test_docs_hold_the_registrys_table() -> None:
    assert markdown() in CONTROL.read_text()


def test_devices_and_doctor_run_on_any_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"inputs", "pictures", "screens"}
    status = main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert {"mlx", "embedded model", "audio input", "OpenGL", "video encoder"} <= {row["what"] for row in findings}
    assert status == int(any(row["state"] == "FAIL" for row in findings))


def test_doctor_sees_the_fast_blas_on_linux() -> None:
    if sys.platform != "linux":
        pytest.skip("OpenBLAS is put under MLX on Linux only")
    out = subprocess.run(
        [sys.executable, "-m", "livemusviz", "doctor", "--json"], capture_output=True, text=True, check=False
    ).stdout
    blas = next(row for row in json.loads(out) if row["what"] == "BLAS")
    assert blas["state"] == "ok" and "slow" not in blas["detail"]


def test_generate_writes_a_picture_of_the_prompt(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    from demo.measure import dominant_hue, hue_distance

    for prompt, hue in (("red lava", 10), ("deep blue ocean", 220)):
        path = tmp_path / f"{hue}.png"
        words = ["generate", "--prompt", prompt, "--seed", "3", "-o", str(path), "--json"]
        told = subprocess.run([sys.executable, "-m", "livemusviz", *words], capture_output=True, text=True, check=True)
        assert json.loads(told.stdout)["size"] == [256, 256]
        picture = np.asarray(Image.open(path))
        assert picture.shape == (256, 256, 3) and picture.std() > 15
        assert hue_distance(dominant_hue(picture), hue) < 40


def test_unwritable_output_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--prompt", "x", "-o", str(tmp_path / "no" / "such" / "x.png")]) == 2
    assert "cannot write" in capsys.readouterr().err
