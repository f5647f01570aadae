"""Music for the beat network: composed for machines, played from kits and by formulas; and the network's weights."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from livemusviz.bridge.sound import SAMPLE_RATE
from training.beats.kits import ROLES, Kits
from training.beats.song import BASS, DRUMS, LEAD, MODERN, Note, Song, compose
from training.beats.sound import _pumped, formula_tones

torch = pytest.importorskip("torch")

from training.beats import train  # noqa: E402


def modern_songs() -> list[Song]:
    return [compose(np.random.default_rng(number), 20.0, MODERN) for number in range(40)]


def test_a_machine_plays_on_its_grid() -> None:
    songs = [song for song in modern_songs() if song.machine]
    assert 20 < len(songs) < 40
    for song in songs:
        lengths = np.diff(song.beats)
        assert np.allclose(lengths, 60.0 / song.bpm, rtol=1e-9)
        kicks = np.array([note.start for note in song.notes if note.channel == DRUMS and note.key in (35, 36)])
        if len(kicks) and song.style == "trance":
            place = (kicks - song.beats[0]) / lengths[0] % 1.0
            assert np.median(np.minimum(place, 1.0 - place)) < 1e-6


def kits(folder: Path, roles: tuple[str, ...] = tuple(ROLES)) -> Kits:
    """A kit whose strokes are constants: of each role, its number among the roles, tenths."""
    kit = folder / "kit"
    kit.mkdir()
    names = {"kick": "Kick", "snare": "Snare", "open": "Open HH", "hat": "Closed HH", "crash": "Crash", "ride": "Ride",
             "tom": "Tom 1"}  # fmt: skip
    instruments = ""
    for role in roles:
        soundfile.write(kit / f"{role}.wav", np.full((200, 2), 0.5, np.float32), SAMPLE_RATE)
        instruments += f"<instrument><name>{names[role]}</name><filename>{role}.wav</filename></instrument>"
    (kit / "drumkit.xml").write_text(f'<drumkit_info xmlns="http://example.org">{instruments}</drumkit_info>')
    return Kits(folder)


def test_a_kit_plays_each_note_at_its_time(tmp_path: Path) -> None:
    notes = [Note(0.1, 0.1, DRUMS, 36, 100), Note(0.5, 0.1, DRUMS, 38, 50)]
    sound = kits(tmp_path).play(np.random.default_rng(0), notes)
    edges = np.flatnonzero(np.diff((sound > 0.0).astype(int)) == 1) + 1
    assert edges.tolist() == [round(0.1 * SAMPLE_RATE), round(0.5 * SAMPLE_RATE)]
    assert 0.0 < sound.max() <= 1.2


def test_kits_without_a_role_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no ride, tom in its kits"):
        kits(tmp_path, ("kick", "snare", "open", "hat", "crash"))


def test_tones_have_their_times_and_pitches() -> None:
    sound = formula_tones(np.random.default_rng(1), [Note(0.2, 0.5, BASS, 33, 100), Note(0.9, 0.5, LEAD, 69, 100)])
    assert not sound[: round(0.2 * SAMPLE_RATE)].any() and sound[: round(0.25 * SAMPLE_RATE)].any()
    for begin, frequency in ((0.2, 55.0), (0.9, 440.0)):
        part = sound[round(begin * SAMPLE_RATE) :][: SAMPLE_RATE // 5]
        loudest = np.fft.rfftfreq(len(part), 1 / SAMPLE_RATE)[np.abs(np.fft.rfft(part)).argmax()]
        assert loudest == pytest.approx(frequency, abs=5.0)


def test_the_kick_ducks_the_sound() -> None:
    sound = np.ones((SAMPLE_RATE, 2), np.float32)
    ducked = _pumped(np.random.default_rng(0), sound, [0.5])[:, 0]
    at = SAMPLE_RATE // 2
    assert ducked[at - 1] == 1.0 and ducked[at] < 0.65 and ducked[at] < ducked[at + 4800] < 1.0


def test_the_network_comes_back_from_the_packages_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, other, path = train.Network(), train.Network(), tmp_path / "beats.npz"
    np.savez(path, codebook=np.ones(3))
    train.save_weights(network, path)
    train.load_weights(other, path)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))
    assert np.load(path)["codebook"].tolist() == [1, 1, 1]


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, pieces, weights = np.random.default_rng(0), tmp_path / "pieces", tmp_path / "w.npz"
    pieces.mkdir()
    for number in (8, 9):
        beats = np.arange(1.0, 25.0, 0.5)
        inputs = rng.random((2400, 15)).astype(np.float16) * 0.01
        inputs[((beats + train.LATE) * 93.75).astype(int)] = 1.0
        np.savez(pieces / f"{number:05d}.npz", inputs=inputs, beats=beats, places=np.arange(len(beats)) % 4)
    torch.manual_seed(1)
    begin = train.Network()
    train.save_weights(begin, weights)
    words = [f"{pieces}", "--further", "--out", f"{tmp_path / 'run.pt'}", "--weights", f"{weights}", "--batches", "10"]
    monkeypatch.setattr("sys.argv", ["train", *words])
    assert train.main() == 0
    written, kept = train.Network(), torch.load(tmp_path / "run.pt")
    train.load_weights(written, weights)
    assert kept["done"] == 10
    for name, weight in written.state_dict().items():
        trained, first = kept["network"][name], begin.state_dict()[name]
        assert torch.allclose(weight, (trained + first) / 2, atol=1e-6) and not torch.equal(trained, first)
    mixed = weights.read_bytes()
    assert train.main() == 0 and weights.read_bytes() == mixed  # a run that is over changes nothing
