"""The demo's piece of music: loud enough, never too loud, quiet where it rests, and the same every time."""

import hashlib
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from demo.compose import ComposedTrack, compose
from demo.synth import RATE, envelope, hertz, oscillator, pad, saw_table

Piece = tuple[ComposedTrack, np.ndarray, Path]


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 2, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32768


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Piece:
    path = tmp_path_factory.mktemp("piece") / "demo.wav"
    return compose(path), read(path), path


def decibels(sound: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt((sound**2).mean()) + 1e-9))


def section(piece: Piece, name: str) -> np.ndarray:
    track, sound, _ = piece
    start, end = next((start, end) for found, start, end in track.sections if found == name)
    return sound[round(start * RATE) : round(end * RATE)]


def test_it_is_long_enough_and_its_sections_follow_on(piece: Piece) -> None:
    track, sound, _ = piece
    assert [name for name, _, _ in track.sections] == ["intro", "groove", "build", "rest", "finale", "ending"]
    ends = [0.0, *(end for _, _, end in track.sections)]
    assert [start for _, start, _ in track.sections] == ends[:-1]
    assert len(sound) == round(ends[-1] * RATE) and 30 <= ends[-1] <= 45


def test_it_peaks_below_minus_one_decibel_without_clicks_or_offset(piece: Piece) -> None:
    _, sound, _ = piece
    assert 0.8 < np.abs(sound).max() <= 10 ** (-1 / 20)
    assert np.abs(sound.mean(axis=0)).max() < 1e-3
    assert not sound[0].any() and np.abs(sound[-1]).max() < 1e-3
    assert np.sum(np.abs(sound) == np.abs(sound).max()) < 4  # nothing is cut flat


def test_its_levels_make_a_form(piece: Piece) -> None:
    level = {name: decibels(section(piece, name)) for name, _, _ in piece[0].sections}
    assert -24 < level["intro"] < level["groove"] - 4
    assert level["build"] < level["finale"] and level["groove"] - 1 < level["finale"] < -8
    assert decibels(section(piece, "rest")[RATE:]) < -45
    first, last = np.array_split(section(piece, "build"), 2)
    assert decibels(last) > decibels(first)


def test_it_is_stereo_with_bass_and_treble(piece: Piece) -> None:
    finale = section(piece, "finale")
    assert np.corrcoef(finale.T)[0, 1] < 0.97
    power = np.abs(np.fft.rfft(finale.mean(axis=1))) ** 2
    frequency = np.fft.rfftfreq(len(finale), 1 / RATE)
    share = [power[(frequency >= low) & (frequency < high)].sum() / power.sum() for low, high in
             ((20, 150), (150, 2000), (2000, 20_000))]  # fmt: skip
    assert 0.4 < share[0] < 0.8 and share[1] > 0.12 and share[2] > 0.03


def test_energy_jumps_at_every_kick_on_the_beat(piece: Piece) -> None:
    track, sound, _ = piece
    start, end = next((start, end) for name, start, end in track.sections if name == "groove")
    beats = [onset for onset in track.onsets if start <= onset < end and (onset / 0.5).is_integer()]
    assert len(beats) == 16
    for beat in beats[1:]:
        at = round(beat * RATE)
        assert decibels(sound[at : at + 2400]) > decibels(sound[at - 2400 : at]) + 2


def test_onsets_are_in_order_and_inside_the_piece(piece: Piece) -> None:
    track, _, _ = piece
    assert list(track.onsets) == sorted(set(track.onsets)) and len(track.onsets) > 150
    rest = next(section for section in track.sections if section[0] == "rest")
    assert not any(rest[1] <= onset < rest[2] for onset in track.onsets)


def test_the_same_seed_gives_the_same_file_with_a_silence_of_the_length_asked_for(piece: Piece, tmp_path: Path) -> None:
    plain, sound, path = piece
    track = compose(tmp_path / "silence.wav", rest_seconds=10.0)
    with_silence = read(tmp_path / "silence.wav")
    start, end = next((start, end) for name, start, end in track.sections if name == "silence")
    assert end - start == 10.0 and not with_silence[round(start * RATE) : round(end * RATE)].any()
    joined = np.concatenate([with_silence[: round(start * RATE)], with_silence[round(end * RATE) :]])
    np.testing.assert_array_equal(joined, sound)
    assert len(track.onsets) == len(plain.onsets) and not any(start <= onset < end for onset in track.onsets)
    assert track.onsets[-1] == pytest.approx(plain.onsets[-1] + 10)


@pytest.mark.slow
def test_the_script_writes_the_same_file(piece: Piece, tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "demo" / "compose.py"
    subprocess.run(
        [sys.executable, script, tmp_path / "again.wav"], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    assert (
        hashlib.sha256((tmp_path / "again.wav").read_bytes()).digest() == hashlib.sha256(piece[2].read_bytes()).digest()
    )


def test_instruments() -> None:
    wave_form = oscillator(saw_table(14), hertz(69), RATE)
    power = np.abs(np.fft.rfft(wave_form))
    assert int(power.argmax()) == 440 and power[441:879].max() < power[440] / 100
    chord = pad((57, 60, 64), 0.5, np.random.default_rng(0), np.full(RATE // 2, 0.5))
    assert chord.shape == (RATE // 2, 2) and 0.1 < np.abs(chord).max() < 1.5
    shape = envelope(1000, 0.005, 0.005)
    assert shape[0] == shape[-1] == 0 and shape[500] == 1 and np.abs(np.diff(shape)).max() < 0.01
