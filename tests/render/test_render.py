"""A film from a track, from the command line's own entry: exact, repeatable, interrupted and gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from livemusviz.cli import main
from livemusviz.record.movie import Movie
from livemusviz.render import film as render_film
from livemusviz.render import plan as render_plan
from livemusviz.render.progress import Progress
from tests.tracks import clicks, convert, heard_clicks

SMALL = ["--size", "64", "--canvas", "160x96", "--latent-feedback-strength", "0.6", "--batch", "4"]


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wav = tmp_path_factory.mktemp("track") / "track.wav"
    clicks(wav, 4.0)
    return convert(wav, "mp3")


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_plan, "SEGMENT", 1)


def render(track: Path, output: Path, *words: str) -> int:
    return main(["render", str(track), "-o", str(output), *SMALL, *words])


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def digests(path: Path) -> list[str]:
    return [hashlib.md5(frame.tobytes(), usedforsecurity=False).hexdigest() for frame in frames(path)]


@pytest.fixture(scope="module")
def film(track: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole render, for several tests to look at."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render_plan, "SEGMENT", 1)
        assert render(track, path, "--stats", str(path.with_suffix(".json"))) == 0
    return path


def test_the_film_has_every_frame_and_the_tracks_sound(film: Path) -> None:
    made, stats = frames(film), json.loads(film.with_suffix(".json").read_text())
    assert len(made) == stats["frames"] == 120 and stats["finished"] and stats["sound"] == "copy"
    assert made[0].shape == (96, 160, 3)
    light = np.array([frame.mean() for frame in made])
    assert light.min() > 4 and all(frame.std() > 4 for frame in made), "never black or flat, from the first frame on"
    assert not film.with_name("film.mp4.resume").exists()


def test_light_comes_with_the_sound(film: Path) -> None:
    light = np.array([frame.mean() for frame in frames(film)])
    rise = np.diff(light, prepend=light[0])
    for click in heard_clicks(film):
        near = round(click * 30)
        strongest = near - 3 + int(np.argmax(rise[near - 3 : near + 4]))
        assert abs(strongest / 30 - click) <= 1 / 30 + 1e-3, f"click at {click:.3f} s, light at frame {strongest}"


def test_the_same_again_to_the_bit(film: Path, track: Path, tmp_path: Path) -> None:
    assert render(track, tmp_path / "again.mp4") == 0
    assert digests(tmp_path / "again.mp4") == digests(film)


def test_any_batch_draws_the_same(track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums in another order differ in their last bits; what the codec makes of that is its own affair."""
    encode, canvases = Movie.picture, list[list[np.ndarray]]()

    def seen(self: Movie, pixels: np.ndarray, slot: int) -> None:
        canvases[-1].append(pixels.copy())
        encode(self, pixels, slot)

    monkeypatch.setattr(Movie, "picture", seen)
    for batch in ("4", "7"):
        canvases.append([])
        assert render(track, tmp_path / f"{batch}.mp4", "--batch", batch) == 0
    for a, b in zip(*canvases, strict=True):
        apart = np.abs(a.astype(int) - b)
        assert apart.max() <= 2 and (apart > 1).mean() < 5e-4 and apart.mean() / 255 < 1e-5


def interrupt_at(frame: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C once this many frames are done."""
    update: Callable[..., None] = Progress.update

    def pressed(self: Progress, done: int, picture: np.ndarray) -> None:
        update(self, done, picture)
        if done >= frame:
            os.kill(os.getpid(), signal.SIGINT)
            monkeypatch.setattr(Progress, "update", update)

    monkeypatch.setattr(Progress, "update", pressed)


def test_interrupted_and_gone_on_with_equals_one_that_ran_through(
    film: Path, track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "film.mp4"
    interrupt_at(48, monkeypatch)
    assert render(track, path) == 130
    assert "plays so far" in capsys.readouterr().out
    early = frames(path)
    assert 48 <= len(early) < 80
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(100, patch)
        assert render(track, path, "--resume") == 130
    assert render(track, path, "--resume") == 0
    assert digests(path) == digests(film)
    np.testing.assert_array_equal(heard_clicks(path), heard_clicks(film))
    assert not path.with_name("film.mp4.resume").exists()
    assert render(track, path, "--resume") == 2
    assert "is finished already" in capsys.readouterr().err


def test_a_film_that_cannot_be_gone_on_with_is_refused_before_anything_is_heard(
    film: Path, track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other settings before the first place to go on from, and a film that is finished: both stay as they are."""
    path = tmp_path / "film.mp4"
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(8, patch)
        assert render(track, path) == 130
    before, finished = path.read_bytes(), film.read_bytes()
    monkeypatch.setattr("livemusviz.render.run._listen", lambda *_: pytest.fail("it was listened to"))
    assert render(track, path, "--resume", "--seed", "5") == 2
    assert "other settings (parameters)" in capsys.readouterr().err
    (path.with_name("film.mp4.resume") / "settings.json").unlink()
    assert render(track, path, "--resume") == 2
    assert "--overwrite to begin anew" in capsys.readouterr().err
    assert render(track, film, "--resume") == 2
    assert "is finished already" in capsys.readouterr().err
    assert path.read_bytes() == before and film.read_bytes() == finished


@pytest.mark.parametrize("left", ["film", "first bytes of a film", "nothing"])
def test_interrupted_before_the_first_place_to_go_on_from(
    left: str, film: Path, track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mp4"
    interrupt_at(8, monkeypatch)
    assert render(track, path) == 130
    if left == "first bytes of a film":
        path.write_bytes(path.read_bytes()[:30])
    elif left == "nothing":
        path.unlink()
    assert render(track, path, "--resume") == 0
    assert digests(path) == digests(film)


def test_killed_and_gone_on_with(film: Path, track: Path, tmp_path: Path) -> None:
    """What a kill leaves is copied half-way and gone on with: the file was never closed."""
    path, killed = tmp_path / "film.mp4", tmp_path / "killed.mp4"
    update: Callable[..., None] = Progress.update

    def copied(self: Progress, done: int, picture: np.ndarray) -> None:
        update(self, done, picture)
        if done == 94:
            shutil.copy(path, killed)
            shutil.copytree(path.with_name("film.mp4.resume"), killed.with_name("killed.mp4.resume"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "update", copied)
        assert render(track, path) == 0
    assert len(frames(killed)) < 94
    assert render(track, killed, "--resume") == 0
    assert digests(killed) == digests(film)


def test_other_settings_cannot_go_on(
    track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "film.mp4"
    interrupt_at(40, monkeypatch)
    assert render(track, path) == 130
    assert render(track, path, "--resume", "--seed", "5", "--fps", "25") == 2
    assert "other settings (--fps, parameters)" in capsys.readouterr().err
    assert len(frames(path)) >= 40, "the film that is there is not touched"


def test_cues_change_the_picture_when_they_say(track: Path, tmp_path: Path) -> None:
    cues = tmp_path / "cues.toml"
    cues.write_text(
        'version = 1\n[[cue]]\ntime = 0\nprompt = "deep blue ocean"\n'
        '[[cue]]\ntime = 1.0\nprompt = "red lava"\nfade = 0.2\n[[cue]]\ntime = 2\nblackout = true\n'
    )
    path = tmp_path / "film.mp4"
    assert render(track, path, "--cues", str(cues), "--until", "2.5", "--latent-feedback-strength", "0") == 0
    made = np.array([frame.mean(axis=(0, 1)) for frame in frames(path)])
    assert len(made) == 75
    assert (made[:28, 2] > made[:28, 0] + 10).all() and (made[40:58, 0] > made[40:58, 2] + 10).all()
    assert made[68:].max() < 20 < made[58].max()


@pytest.mark.parametrize("words", [["--fps", "24", "--engine-fps", "8"], ["--fps", "29.97"], ["--fps", "60"]])
def test_any_rate_keeps_light_and_sound_together(words: list[str], track: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    assert render(track, path, *words, "--until", "1.2", "--prompt", "deep blue ocean") == 0
    with av.open(str(path)) as file:
        start = float(file.start_time or 0) / av.time_base
        shown = [(float(f.time or 0.0), f.to_ndarray(format="gray").mean()) for f in file.decode(video=0)]
    times, light = np.array(shown).T
    click = heard_clicks(path)[0]
    near = np.flatnonzero(np.abs(times - click) < 0.12)
    brightest = times[near[np.argmax(np.diff(light, prepend=light[0])[near])]]
    assert start == pytest.approx(0.0, abs=0.03) and abs(brightest - click) <= 1.1 / 24


LADDER: dict[str, tuple[list[str], str]] = {
    "no folder": (["-o", "{tmp}/none/film.mp4"], "there is no folder"),
    "suffix": (["-o", "{tmp}/film.avi"], "a video is a .mp4, .mov, .mkv file"),
    "odd canvas": (["-o", "{tmp}/film.mp4", "--canvas", "161x96"], "multiple of 2"),
    "fps": (["-o", "{tmp}/film.mp4", "--fps", "0"], "give 1 to 240"),
    "fps text": (["-o", "{tmp}/film.mp4", "--fps", "fast"], "frames a second"),
    "batch": (["-o", "{tmp}/film.mp4", "--batch", "0"], "'auto' or 1 to 64"),
    "cues": (["-o", "{tmp}/film.mp4", "--cues", "{tmp}/none.toml"], "cannot read"),
    "unwritable": (["-o", "/proc/film.mp4"], "/proc"),
    "itself": (["-o", "{track}"], ""),
}


@pytest.mark.parametrize("name", LADDER)
def test_what_cannot_be_is_told_in_one_line(
    name: str, track: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, told = LADDER[name]
    words = [word.format(tmp=tmp_path, track=track) for word in words]
    assert main(["render", str(track), *SMALL, *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and told in error[0] and error[0].startswith("livemusviz: ")
    assert not list(tmp_path.glob("film*"))


def test_a_film_is_not_replaced_unless_asked(film: Path, track: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = film.read_bytes()
    assert render(track, film) == 2
    assert "exists; --overwrite replaces it" in capsys.readouterr().err and film.read_bytes() == before


def test_F21_a_real_full_disk(
    track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount a tmpfs here")
    try:
        assert render(track, small / "film.mp4") == 2
        assert "0 MB free, a recording needs 500 MB to start" in capsys.readouterr().err
        monkeypatch.setattr(render_film, "check_room", lambda folder: None)
        monkeypatch.setattr(render_film, "free_bytes", lambda folder: 10**12)
        assert render(track, small / "film.mp4") == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert "cannot be written: No space left on device" in error and "--resume" in error
    finally:
        subprocess.run(["umount", small], check=True)


def test_F21_a_disk_that_fills_up_ends_the_film_cleanly(
    track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = [10**12]
    path = tmp_path / "film.mp4"
    monkeypatch.setattr(render_film, "free_bytes", lambda folder: free[0])
    update: Any = Progress.update

    def filling(self: Progress, done: int, picture: np.ndarray) -> None:
        update(self, done, picture)
        free[0] = 10**12 if done < 50 else 10**6

    monkeypatch.setattr(Progress, "update", filling)
    assert render(track, path) == 2
    assert "disk is nearly full" in capsys.readouterr().err
    assert len(frames(path)) == 60
    free[0] = 10**12
    monkeypatch.setattr(Progress, "update", update)
    assert render(track, path, "--resume") == 0
    assert len(frames(path)) == 120
