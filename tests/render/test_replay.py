"""A recorded show rendered again from its log."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import av
import numpy as np
import pytest

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.cli import main
from livemusviz.errors import UserError
from livemusviz.render.replay import Walk, load_replay
from tests.tracks import clicks

ABOUT = {
    "livemusviz": 1,
    "recording": "set.wav",
    "rate": SAMPLE_RATE,
    "size": [64, 64],
    "canvas": [160, 96],
    "flags": {"model": "embedded", "size": "64x64", "steps": 1},
    "values": {"prompt": "deep blue ocean", "fade": 0.2, "latent_feedback_strength": 0.0, "knob_of_tomorrow": 3},
}


def show(folder: Path, *, about: dict[str, object] | None = None) -> Path:
    """A log of two seconds, its walk half a turn, red at 1 s; and its sound."""
    clicks(folder / "set.wav", 2.0)
    lines: list[dict[str, object]] = [{**ABOUT, **(about or {})}, {"sample": 0, "latents": [4, 4]}]
    for k in range(60):
        if k == 30:
            lines.append({"sample": SAMPLE_RATE, "values": {"prompt": "red lava"}})
        lines.append({"sample": k * 1600, "walk": [k * 0.05, k * 0.03, k * 0.02]})
    lines.append({"sample": 2 * SAMPLE_RATE, "end": True})
    path = folder / "set.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return path


def film(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.array([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]).astype(float)


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.median([np.corrcoef(x.ravel(), y.ravel())[0, 1] for x, y in zip(a, b, strict=True)]))


def test_the_same_scenes_at_the_same_moments_at_twice_the_size(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = show(tmp_path)
    assert main(["render", "--from-log", str(log), "-o", str(tmp_path / "same.mp4")]) == 0
    assert not [record for record in caplog.records if "model draws" in record.getMessage()]
    words = ["--size", "128", "--canvas", "320x192"]
    assert main(["render", "--from-log", str(log), "-o", str(tmp_path / "large.mp4"), *words]) == 0
    told = [record.getMessage() for record in caplog.records if "model draws" in record.getMessage()]
    same, large = film(tmp_path / "same.mp4"), film(tmp_path / "large.mp4")
    assert same.shape[:3] == (60, 96, 160) and large.shape[:3] == (60, 192, 320)
    small = large.reshape(60, 96, 2, 160, 2, 3).mean(axis=(2, 4))
    for each in (same, small):
        red = each[..., 0].mean(axis=(1, 2)) > each[..., 2].mean(axis=(1, 2))
        assert not red[:30].any() and red[38:].all()
    assert alike(same[38:], small[38:]) > 0.5 > alike(same[38:], small[:22]) + 0.2
    assert ["at 64x64: at 128x128 the model draws" in line and "--canvas alone" in line for line in told] == [True]


def test_the_walk_is_where_it_was() -> None:
    walk = Walk([(0.0, (0.0, 1.0)), (1.0, (2.0, 1.0)), (1.5, (9.0,)), (2.0, (3.0, 5.0))])
    assert walk and not Walk([])
    assert walk.at(-1.0) == (0.0, 1.0) and walk.at(0.5) == (1.0, 1.0) and walk.at(1.5) == (2.5, 3.0)
    assert walk.at(99.0) == (3.0, 5.0)


def test_what_this_version_does_not_know_is_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        replay = load_replay(show(tmp_path), None)
    assert "knob_of_tomorrow" in caplog.text and "knob_of_tomorrow" not in replay.values
    assert replay.latents == (4, 4) and replay.track == tmp_path / "set.wav"


def test_a_recording_that_is_gone_is_told_and_another_sound_may_be_given(tmp_path: Path) -> None:
    log = show(tmp_path)
    (tmp_path / "set.wav").rename(tmp_path / "other.wav")
    with pytest.raises(UserError, match=r"its recording .*set\.wav is not there; give the sound as TRACK"):
        load_replay(log, None)
    assert load_replay(log, tmp_path / "other.wav").track.name == "other.wav"


@pytest.mark.parametrize("about", [{"canvas": "wide"}, {"canvas": [1, 2, 3]}, {"values": {"fade": 99}}])
def test_a_log_with_absurd_values_is_told(about: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set.jsonl"):
        load_replay(show(tmp_path, about=about), None)


def test_neither_a_track_nor_a_log_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "-o", str(tmp_path / "film.mp4")]) == 2
    assert "give a TRACK, or --from-log" in capsys.readouterr().err
