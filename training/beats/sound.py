"""Renders a piece with FluidSynth and two free SoundFonts, and changes it as records differ.

Its drums are made by formulas in some pieces and played from recorded kits in others; in a machine's piece the bass and
the other tones are made by formulas as often as not.

In: `Song`. Out: float32 (n, 2) at SAMPLE_RATE. Needs `fluidsynth`, FluidR3_GM and MuseScore_General (both MIT).
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import soundfile

from livemusviz.bridge.sound import SAMPLE_RATE
from training.beats.kits import Kits, added_up
from training.beats.song import BASS, COMP, DRUMS, KICKS, LEAD, Note, Song

SOUNDFONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3")
SHARES = (0.75, 0.25)  # the second takes longer to load
TICKS = 1000  # a second
VOLUME, PAN, REVERB, BANK = 7, 10, 91, 0  # MIDI controllers
FORMULA = 0.2  # share of pieces whose drums are made by formulas
SAMPLED = 0.5  # share whose drums are played from kits, where there are kits
SYNTHESISED, PUMPED = 0.5, 0.35  # shares of a machine's pieces with tones by formulas, and ducked by the kick


def render(rng: np.random.Generator, song: Song, kits: Kits | None = None) -> np.ndarray:
    """Return the sound of a piece. kits : to play some pieces' drums from."""
    by_formula = rng.random() < FORMULA
    sampled = kits is not None and rng.random() < SAMPLED
    synthesised = song.machine and rng.random() < SYNTHESISED
    apart = [note for note in song.notes if note.channel == DRUMS and (by_formula or sampled)]
    tones = [note for note in song.notes if note.channel in (BASS, COMP, LEAD) and synthesised]
    taken = {id(note) for note in (*apart, *tones)}
    sound = _fluidsynth(rng, song, [note for note in song.notes if id(note) not in taken])
    if tones:
        made = formula_tones(rng, tones)
        sound = _added(sound, made * _relative(rng, sound, made))
    if song.machine and rng.random() < PUMPED:
        sound = _pumped(rng, sound, [note.start for note in song.notes if note.key in KICKS and note.channel == DRUMS])
    if sampled and kits is not None:
        drums = kits.play(rng, apart)
        sound = _added(sound, drums * _relative(rng, sound, drums))
    elif by_formula:
        sound = _added(sound, formula_drums(rng, apart) * rng.uniform(0.5, 1.5) * max(0.15, float(np.abs(sound).max())))
    return _produce(rng, sound)


def _added(sound: np.ndarray, mono: np.ndarray) -> np.ndarray:
    """Return (n, 2) with (m,) added to both sides, as long as the longer."""
    sound = np.pad(sound, ((0, max(0, len(mono) - len(sound))), (0, 0)))
    sound[: len(mono)] += mono[:, None]
    return sound


def _relative(rng: np.random.Generator, sound: np.ndarray, added: np.ndarray) -> float:
    """Return a factor that makes `added` about as loud as `sound`, 6 dB more or less."""
    there, own = (float(np.sqrt(np.mean(np.square(each)))) if each.size else 0.0 for each in (sound, added))
    return rng.uniform(0.5, 2.0) * max(there, 0.02) / max(own, 1e-6)


def _pumped(rng: np.random.Generator, sound: np.ndarray, kicks: list[float]) -> np.ndarray:
    """Duck the sound at each kick, as a compressor does that listens to it."""
    depth, seconds = rng.uniform(0.4, 0.95), rng.uniform(0.08, 0.3)
    gain = np.ones(len(sound), np.float32)
    dip = 1.0 - depth * np.exp(-np.arange(round(4 * seconds * SAMPLE_RATE)) / (seconds * SAMPLE_RATE))
    for kick in kicks:
        start = round(kick * SAMPLE_RATE)
        part = gain[start : start + len(dip)]
        np.minimum(part, dip[: len(part)], out=part)
    return sound * gain[:, None]


def formula_tones(rng: np.random.Generator, notes: list[Note]) -> np.ndarray:
    """Return pulses and saws of an oscillator for each channel, with an envelope that decays, float32 (n,)."""
    channels = sorted({note.channel for note in notes})
    partials = {channel: int(rng.integers(2, 24)) for channel in channels}  # few: through a filter
    slope = {channel: rng.uniform(0.6, 1.6) for channel in channels}
    odd = {channel: rng.random() < 0.4 for channel in channels}  # a square wave's
    decay = {channel: rng.uniform(0.08, 0.8) for channel in channels}
    level = {channel: rng.uniform(0.3, 1.0) for channel in channels} | {BASS: rng.uniform(0.5, 1.5)}
    made: dict[tuple[int, int, int], np.ndarray] = {}
    sounds = []
    for note in notes:
        channel, samples = note.channel, round(min(note.duration, 2.0) * SAMPLE_RATE)
        key = (channel, note.key, samples // 480)
        if key not in made:
            t = np.arange(samples) / SAMPLE_RATE
            frequency = 440.0 * 2.0 ** ((note.key - 69) / 12)
            numbers = np.arange(1, partials[channel] + 1, 2 if odd[channel] else 1)
            numbers = numbers[numbers * frequency < 12_000.0]
            waves = np.sin(2 * np.pi * frequency * t[:, None] * numbers) @ (numbers ** -slope[channel])
            ends = np.minimum(1.0, np.minimum(t / 0.003, (t[-1:] - t) / 0.01))
            made[key] = (waves * np.exp(-t / decay[channel]) * ends).astype(np.float32)
        sounds.append((note.start, np.float32(level[channel] * note.velocity / 100) * made[key]))
    return added_up(sounds)


def _fluidsynth(rng: np.random.Generator, song: Song, notes: list[Note]) -> np.ndarray:
    if not notes:
        return np.zeros((SAMPLE_RATE, 2), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "song.mid"), Path(folder, "song.wav")
        _write_midi(midi, rng, song, notes)
        font = str(rng.choice(SOUNDFONTS, p=SHARES))
        options = ["-ni", "-q", "-g", "0.5", "-r", str(SAMPLE_RATE), "-C", "no", "-o", "synth.dynamic-sample-loading=1"]
        options += ["-R", "yes" if rng.random() < 0.6 else "no", "-T", "wav", "-F", str(wav)]
        subprocess.run(["fluidsynth", *options, font, str(midi)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607
        return soundfile.read(str(wav), dtype="float32", always_2d=True)[0]


def _write_midi(path: Path, rng: np.random.Generator, song: Song, notes: list[Note]) -> None:
    """Write notes and mixer: random level, place and reverb of each channel."""
    events: list[tuple[int, int, mido.Message]] = []
    for channel, program in song.programs.items():
        volume = int(rng.integers(65, 127)) if channel == DRUMS else int(rng.integers(45, 120))
        if channel == COMP and rng.random() < 0.2:
            volume = 126  # a loud skank, louder than the drums
        for controller, value in ((VOLUME, volume), (PAN, int(rng.integers(30, 98))), (REVERB, int(rng.integers(80)))):
            events.append((0, 0, mido.Message("control_change", channel=channel, control=controller, value=value)))
        events.append((0, 1, mido.Message("program_change", channel=channel, program=program)))
    for note in notes:
        begin, end = round(note.start * TICKS), round((note.start + note.duration) * TICKS)
        events.append((begin, 3, mido.Message("note_on", channel=note.channel, note=note.key, velocity=note.velocity)))
        events.append((max(end, begin + 1), 2, mido.Message("note_off", channel=note.channel, note=note.key)))
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)]), 0
    for at, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=at - now))
        now = at
    mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]).save(str(path))


def formula_drums(rng: np.random.Generator, notes: list[Note]) -> np.ndarray:
    """Return drums made of decaying sines and noise, float32 (n,), as drum machines make them."""
    t = np.arange(round(0.5 * SAMPLE_RATE)) / SAMPLE_RATE
    low, sweep, body = rng.uniform(40, 65), rng.uniform(60, 200), rng.uniform(150, 240)
    decay = {"kick": rng.uniform(0.05, 0.2), "snare": rng.uniform(0.03, 0.1), "hat": rng.uniform(0.01, 0.05)}
    level = {"kick": rng.uniform(0.5, 1.2), "snare": rng.uniform(0.3, 0.8), "hat": rng.uniform(0.1, 0.6)}
    sweep_decay = rng.uniform(0.01, 0.04)
    strokes = []
    for note in notes:
        noise = rng.standard_normal(len(t))
        if note.key in (35, 36) or note.key in (41, 43, 45, 47, 48, 50):
            higher = 1.0 if note.key < 37 else 1.5 + (note.key - 41) / 9
            frequency = higher * (low + sweep * np.exp(-t / sweep_decay))
            piece = level["kick"] * np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE) * np.exp(-t / decay["kick"])
        elif note.key in (37, 38, 39, 40):
            piece = level["snare"] * (0.5 * noise + 0.4 * np.sin(2 * np.pi * body * t)) * np.exp(-t / decay["snare"])
        else:
            open_ = 6.0 if note.key in (46, 49, 51) else 1.0
            piece = level["hat"] * 0.5 * np.diff(noise, prepend=0.0) * np.exp(-t / (open_ * decay["hat"]))
        strokes.append((note.start, (piece * (note.velocity / 100)).astype(np.float32)))
    return added_up(strokes)


def _produce(rng: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """Filter, compress, and set the level, as rooms and records differ."""
    spectrum = np.fft.rfft(sound, axis=0)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE), 20.0) / 20.0)
    knots = np.cumsum(rng.normal(0.0, 2.0, 6)) if rng.random() < 0.6 else np.zeros(6)  # dB, every two octaves
    gain = np.interp(octaves, np.arange(6) * 2.0, knots - knots.mean())
    if rng.random() < 0.1:
        gain -= 12.0 * np.maximum(0.0, octaves - rng.uniform(7.0, 9.5))  # dull: a microphone in the room
    sound = np.fft.irfft(spectrum * 10 ** (gain[:, None] / 20), len(sound), axis=0)
    sound = sound / max(float(np.abs(sound).max()), 1e-6)
    if rng.random() < 0.5:
        drive = rng.uniform(1.0, 6.0)
        sound = np.tanh(drive * sound) / np.tanh(drive)
    sound = sound * rng.uniform(0.1, 0.95)
    return (sound + rng.normal(0.0, 10 ** rng.uniform(-5.0, -3.0), sound.shape)).astype(np.float32)
