"""The demo's own piece of music: 36 s in A minor at 120 beats a minute, made from nothing but numpy.

    python demo/compose.py out.wav [--rest SECONDS] [--seed N]

Pads and a bell-like arpeggio open it, drums and bass join, a roll and a riser build up to a bar of rest, then
everything comes back with a melody. The same seed gives the same file.
"""

from __future__ import annotations

import argparse
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from demo import synth
from demo.synth import RATE, seconds

BPM = 120.0
BEAT = 60 / BPM  # s
STEP = BEAT / 4  # s, a sixteenth
BAR = BEAT * 4  # s
PEAK = 0.88  # of full scale, -1.1 dB

CHORDS = {"Am": (57, 60, 64, 67), "F": (53, 57, 60, 64), "C": (55, 60, 62, 64), "G": (55, 59, 62, 67)}
ROOTS = {"Am": 33, "F": 29, "C": 36, "G": 31}
FORM: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("intro", ("Am", "F", "C", "G")),
    ("groove", ("Am", "F", "C", "G")),
    ("build", ("F", "G")),
    ("rest", ("Am",)),
    ("finale", ("Am", "F", "C", "G", "F", "G")),
    ("ending", ("Am",)),
)
MELODY = {  # (step, note, steps long), one bar a chord
    "Am": ((0, 76, 3), (3, 74, 3), (6, 72, 2), (8, 76, 3), (11, 79, 5)),
    "F": ((0, 77, 3), (3, 76, 3), (6, 72, 2), (8, 69, 6), (14, 72, 2)),
    "C": ((0, 79, 3), (3, 76, 3), (6, 72, 2), (8, 74, 3), (11, 76, 5)),
    "G": ((0, 74, 3), (3, 71, 3), (6, 67, 2), (8, 71, 4), (12, 74, 4)),
}
BASS_STEPS = (2, 3, 6, 10, 11, 14, 15)  # between the kicks
ARPEGGIO = (0, 1, 2, 3, 2, 1, 3, 2)


@dataclass(frozen=True, slots=True)
class ComposedTrack:
    """sections : (name, start s, end s) in order.  onsets : s, every drum hit, ascending."""

    bpm: float
    sections: tuple[tuple[str, float, float], ...]
    onsets: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the form. start : s.  index, last : its place in the section."""

    section: str
    chord: str
    start: float
    index: int
    last: bool


class Mix:
    """Stereo tracks of one length, and when the drums were hit."""

    def __init__(self, length: float, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.drums, self.bass, self.pads, self.keys, self.effects = (np.zeros((seconds(length), 2)) for _ in range(5))
        self.kicks: list[float] = []
        self.hits: list[float] = []

    def hit(self, at: float, sound: np.ndarray, gain: float, place: float = 0.5) -> None:
        """Add a drum at `at` s."""
        self.hits.append(round(at, 6))
        add(self.drums, at, sound * gain, place)

    def kick(self, at: float, gain: float = 0.95) -> None:
        self.kicks.append(at)
        self.hit(at, synth.kick(), gain)


def add(track: np.ndarray, at: float, sound: np.ndarray, place: float = 0.5) -> None:
    """Mix `sound` (n,) or (n, 2) into `track` from `at` s on. place : 0 left, 1 right, for mono."""
    if sound.ndim == 1:
        sound = sound[:, None] * np.sqrt([2 * (1 - place), 2 * place])
    begin = seconds(at)
    end = min(begin + len(sound), len(track))
    track[begin:end] += sound[: end - begin]


def compose(path: Path | str, rest_seconds: float | None = None, seed: int = 7) -> ComposedTrack:
    """Write the piece to `path` (WAV, 48 kHz, 16 bit, stereo).

    rest_seconds : exactly that many seconds of digital silence, as a section "silence", after the rest.
    """
    length = sum(len(chords) for _, chords in FORM) * BAR
    mix = Mix(length, seed)
    sections = []
    at = 0.0
    for name, chords in FORM:
        sections.append((name, at, at + len(chords) * BAR))
        for index, chord in enumerate(chords):
            play(mix, Bar(name, chord, at, index, index == len(chords) - 1))
            at += BAR
    sound, onsets = master(mix), tuple(sorted(set(mix.hits)))
    silence_from = next(end for name, _, end in sections if name == "rest")
    if rest_seconds is not None:
        cut = seconds(silence_from)
        sound = np.concatenate([sound[:cut], np.zeros((seconds(rest_seconds), 2)), sound[cut:]])
        sections = [shifted(section, silence_from, rest_seconds) for section in sections]
        place = [name for name, _, _ in sections].index("rest") + 1
        sections.insert(place, ("silence", silence_from, silence_from + rest_seconds))
        onsets = tuple(onset + rest_seconds * (onset >= silence_from) for onset in onsets)
    write_wav(Path(path), sound)
    return ComposedTrack(BPM, tuple(sections), onsets)


def shifted(section: tuple[str, float, float], after: float, by: float) -> tuple[str, float, float]:
    """`section`, moved on `by` s if it starts at or after `after` s."""
    name, start, end = section
    move = by if start >= after else 0.0
    return name, start + move, end + move


def play(mix: Mix, bar: Bar) -> None:
    """Everything that sounds in one bar."""
    if bar.section == "rest":
        return
    play_pad(mix, bar)
    if bar.section == "ending":
        mix.kick(bar.start)
        mix.hit(bar.start, synth.hat(mix.random, 0.4), 0.35)
        add(mix.bass, bar.start, synth.bass(ROOTS[bar.chord], BAR * 0.8) * synth.decay(seconds(BAR * 0.8), 0.6))
        return
    play_keys(mix, bar)
    if bar.section == "intro":
        play_intro_drums(mix, bar)
    elif bar.section == "build":
        play_build(mix, bar)
    else:
        play_groove(mix, bar)
        play_bass(mix, bar)
    if bar.section == "finale":
        play_melody(mix, bar)


def play_pad(mix: Mix, bar: Bar) -> None:
    length = BAR + 0.4  # into the next chord
    rising = np.linspace(0, 1, seconds(length))
    bright = {"intro": 0.1 + 0.05 * bar.index + 0.1 * rising, "build": 0.3 + 0.3 * (bar.index + rising)}
    sound = synth.pad(CHORDS[bar.chord], length, mix.random, np.clip(bright.get(bar.section, 0.35 + 0 * rising), 0, 1))
    if bar.section == "ending" or (bar.section == "build" and bar.last):
        sound = sound[: seconds(BAR)]
        tail = 1.6 if bar.section == "ending" else 0.02
    else:
        tail = 0.5
    add(mix.pads, bar.start, sound * synth.envelope(len(sound), 0.3 if bar.section == "intro" else 0.05, tail)[:, None])


def play_keys(mix: Mix, bar: Bar) -> None:
    """Play the arpeggio: eighths in the intro, sixteenths from the groove on."""
    chord = CHORDS[bar.chord]
    every = 2 if bar.section == "intro" else 1
    for step in range(0, 16, every):
        note = chord[ARPEGGIO[(step // every) % len(ARPEGGIO)]] + (24 if step % 8 == 6 else 12)
        accent = 1.0 if step % 4 == 0 else 0.65
        gain = {"intro": 0.42, "build": 0.3 + 0.2 * bar.index}.get(bar.section, 0.3) * accent
        harmonics = 6 + 10 * (bar.section in ("build", "finale"))
        place = 0.25 + 0.5 * (step // every % 2)
        add(mix.keys, bar.start + step * STEP, synth.pluck(note, 0.5, harmonics) * gain, place)


def play_intro_drums(mix: Mix, bar: Bar) -> None:
    if bar.index >= 1:
        mix.kick(bar.start, 0.6)
    for beat in range(4) if bar.index >= 2 else (1, 3):
        mix.hit(bar.start + (beat + 0.5) * BEAT, synth.hat(mix.random, 0.03), 0.45, 0.6)
    if bar.last:
        for step in (12, 14, 15):
            mix.hit(bar.start + step * STEP, synth.snare(mix.random), 0.3 + 0.1 * (step == 15))


def play_groove(mix: Mix, bar: Bar) -> None:
    full = bar.section == "finale"
    for beat in range(4):
        mix.kick(bar.start + beat * BEAT)
        mix.hit(bar.start + (beat + 0.5) * BEAT, synth.hat(mix.random, 0.07 if full else 0.05), 0.7, 0.58)
        if beat % 2:
            mix.hit(bar.start + beat * BEAT, synth.snare(mix.random, 0.35), 0.95)
    for step in range(1, 16, 2):
        mix.hit(bar.start + step * STEP, synth.hat(mix.random, 0.02), 0.26 if full else 0.2, 0.4)
    if bar.last:
        for step in (13, 14, 15):
            mix.hit(bar.start + step * STEP, synth.snare(mix.random, 0.8), 0.4)
    if full and bar.index in (0, 4):
        mix.hit(bar.start, synth.hat(mix.random, 0.35), 0.5)  # crash


def play_bass(mix: Mix, bar: Bar) -> None:
    for step, after in zip(BASS_STEPS, (*BASS_STEPS[1:], 16), strict=True):
        note = ROOTS[bar.chord] + (12 if step in (6, 14) else 0)
        add(mix.bass, bar.start + step * STEP, synth.bass(note, min(after - step, 2) * STEP * 0.95) * 0.9)


def play_build(mix: Mix, bar: Bar) -> None:
    """Play a roll that doubles its pace with every half bar, and the riser over both bars."""
    if bar.index == 0:
        add(mix.effects, bar.start, synth.riser(2 * BAR, mix.random) * 0.3)
        for beat in range(4):
            mix.kick(bar.start + beat * BEAT, 0.8)
    for half in range(2):
        stage = bar.index * 2 + half
        hits = (2, 4, 8, 16)[stage]
        for number in range(hits):
            loud = 0.4 + 0.3 * (stage + number / hits) / 4
            mix.hit(bar.start + (half + number / hits) * 2 * BEAT, synth.snare(mix.random, 0.6), loud)


def play_melody(mix: Mix, bar: Bar) -> None:
    for step, note, length in MELODY[bar.chord]:
        sound = synth.pad((note,), length * STEP + 0.08, mix.random, np.full(seconds(length * STEP + 0.08), 0.5))
        add(mix.keys, bar.start + step * STEP, sound * synth.envelope(len(sound), 0.008, 0.09)[:, None] * 0.55)


def master(mix: Mix) -> np.ndarray:
    """Return all tracks together: ducked under the kick, in one room, saturated softly, peak at `PEAK`. (n, 2)."""
    duck = ducking(len(mix.drums), mix.kicks)[:, None]
    keys = mix.keys + 0.6 * synth.echoes(mix.keys, 3 * STEP, 0.45)
    soft = (0.3 * mix.pads + 0.33 * keys) * duck
    dry = 0.8 * mix.drums + 0.34 * mix.bass * duck + soft + mix.effects
    wet = synth.room(soft + 0.12 * mix.drums + 0.4 * mix.effects, 1.8, mix.random)
    sound = np.tanh(1.1 * synth.band(dry + 0.4 * wet, 28, 19_000))
    out = sound * synth.envelope(len(sound), 0.02, 0.3)[:, None]
    rest = next(start for name, start, _ in section_times() if name == "rest")
    fade = slice(seconds(rest + BAR / 2), seconds(rest + BAR))  # what still rings ends before the finale
    out[fade] *= np.linspace(1, 0, fade.stop - fade.start)[:, None] ** 2
    return np.asarray(out * (PEAK / np.abs(out).max()))


def section_times() -> list[tuple[str, float, float]]:
    ends = np.cumsum([len(chords) * BAR for _, chords in FORM])
    return [(name, float(end) - len(chords) * BAR, float(end)) for (name, chords), end in zip(FORM, ends, strict=True)]


def ducking(count: int, kicks: list[float]) -> np.ndarray:
    """Return a gain of 1 that dips to 0.25 within 5 ms of each kick and comes back in a fifth of a second. (count,)."""
    gain = np.ones(count)
    length = seconds(0.6)
    t = np.arange(length) / RATE
    dip = 1 - 0.75 * np.exp(-t / 0.11) * np.clip(t / 0.005, 0, 1)
    for kick in kicks:
        begin = seconds(kick)
        end = min(begin + length, count)
        gain[begin:end] = np.minimum(gain[begin:end], dip[: end - begin])
    return gain


def write_wav(path: Path, sound: np.ndarray) -> None:
    """float (n, 2) in [-1, 1] as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the demo's piece of music to a WAV file.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--rest", type=float, default=None, help="seconds of digital silence in the middle")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    track = compose(options.path, options.rest, options.seed)
    for name, start, end in track.sections:
        print(f"{start:6.1f} - {end:5.1f} s  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
