"""`analyse`: a picture that shows something, and JSON that says what was played."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.cli import main
from tests.drum_loop import drum_loop


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("analyse") / "loop.wav"
    sound, _ = drum_loop(4, 120)
    soundfile.write(path, sound, SAMPLE_RATE)
    return path


@pytest.mark.parametrize("live", [[], ["--live"]])
def test_json_says_what_was_played(track: Path, live: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", str(track), "--json", *live]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bpm"] == pytest.approx(120, abs=2) and len(told["onsets"]) >= 30
    assert {place for _, place in told["beats"]} == {1, 2, 3, 4}
    assert sum(told["slots"].values()) == pytest.approx(30 * told["seconds"], abs=3)
    assert len(told["every_second"]["energy"]) == len(told["chroma_every_second"])


def test_picture_is_written_and_not_empty(track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # whatever presets this user has
    output = tmp_path / "analysis.png"
    assert main(["analyse", str(track), "-o", str(output), "--preset", "lava"]) == 0
    pixels = np.asarray(Image.open(output).convert("RGB"))
    assert pixels.shape[1] >= 1200 and pixels.std() > 20


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no-such.wav"], "no such sound file"),
        (["{track}", "-o", "/no/such/folder/x.png"], "cannot write"),
        (["{track}", "--preset", "lavva"], "did you mean 'lava'"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    track: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", *(word.format(track=track) for word in words)]) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1
