import numpy as np
import pytest

from livemusviz.bridge.features import PITCH_CLASSES
from livemusviz.bridge.sound import SAMPLE_RATE
from tests.features.extraction import extract

NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
ARPEGGIO = (60, 64, 67, 72, 67, 64)  # C4 E4 G4 C5 G4 E4, as MIDI notes
NOTE = 0.3  # s
ATTACK = 0.11  # s after which a new note must be what is seen
RNG = np.random.default_rng(8)


def pitch(note, cents=0.0):
    return 440.0 * 2 ** ((note - 69 + cents / 100) / 12)


def sine_note(note, cents=0.0):
    at = np.arange(round(NOTE * SAMPLE_RATE)) / SAMPLE_RATE
    edge = np.minimum(1.0, np.minimum(at, NOTE - at) / 0.005)
    return 0.3 * edge * np.sin(2 * np.pi * pitch(note, cents) * at)


def piano_note(note, cents=0.0):
    """A struck string: stretched partials that die the sooner the higher they are, over the hammer's knock."""
    at = np.arange(round(NOTE * SAMPLE_RATE)) / SAMPLE_RATE
    sound = 0.02 * RNG.standard_normal(len(at)) * np.exp(-at / 0.008)
    for k in range(1, 9):
        stretched = k * pitch(note, cents) * np.sqrt(1 + 4e-4 * k * k)
        sound += 0.3 * k**-1.3 * np.exp(-at * (1.5 + 0.8 * k)) * np.sin(2 * np.pi * stretched * at + k)
    return sound * np.minimum(1.0, (NOTE - at) / 0.01)


def arpeggio(kind, cents=0.0, times=3):
    return np.concatenate([kind(note, cents) for _ in range(times) for note in ARPEGGIO])


def share_right(features):
    """Of the frames after each attack, how many light the note that sounds most."""
    right = []
    for f in features:
        number, into = divmod(f.time, NOTE)
        if into > ATTACK and number < 3 * len(ARPEGGIO):
            right.append(int(np.argmax(f.chroma)) == ARPEGGIO[int(number) % len(ARPEGGIO)] % PITCH_CLASSES)
    return np.mean(right)


@pytest.mark.parametrize("kind", [sine_note, piano_note])
def test_a_c_major_arpeggio_lights_its_notes(kind):
    share = share_right(extract(arpeggio(kind)))
    print(f"{kind.__name__}: {share:.3f}")
    assert share >= 0.95


def test_a_piano_that_is_out_of_tune_lights_the_same_notes():
    features = extract(arpeggio(piano_note, cents=-35.0, times=4))
    assert features[-1].tuning == pytest.approx(-0.35, abs=0.08)
    assert share_right(features) >= 0.95


def test_a_chord_lights_its_three_notes_and_no_other():
    chord = sum(np.tile(sine_note(note), 4) for note in (57, 60, 64)) / 3
    chroma = np.array(extract(chord)[-20].chroma)
    assert {NAMES[i] for i in np.argsort(chroma)[-3:]} == {"A", "C", "E"}
    assert sorted(chroma)[-4] < 0.15


def test_silence_and_noise_have_no_pitch():
    assert not any(any(f.chroma) for f in extract(np.zeros(SAMPLE_RATE)))
    noise = extract(RNG.normal(0, 0.1, 4 * SAMPLE_RATE))
    assert np.mean([max(f.chroma) for f in noise]) < 0.15
