"""The instruments of the demo's piece: plain numpy, mono or stereo float64 at 48 kHz, made note by note.

Oscillators read band-limited single-cycle tables, so nothing aliases; filters and the room work on spectra.
Pitches are MIDI note numbers, times seconds, `random` a generator passed in.
"""

from __future__ import annotations

from functools import cache

import numpy as np

RATE = 48_000  # Hz
_TABLE = 2048  # samples of one cycle


def seconds(count: float) -> int:
    """`count` seconds in samples."""
    return round(count * RATE)


def hertz(note: float) -> float:
    """Equal temperament, A4 (69) = 440 Hz."""
    return float(440.0 * 2.0 ** ((note - 69) / 12))


@cache
def saw_table(harmonics: float) -> np.ndarray:
    """Return one cycle of a saw whose partials fade out softly around number `harmonics`; peak about 1."""
    numbers = np.arange(1, 257)
    weights = 1 / numbers / (1 + (numbers / harmonics) ** 4)
    phase = 2 * np.pi * np.arange(_TABLE) / _TABLE
    wave = (weights[:, None] * np.sin(numbers[:, None] * phase)).sum(axis=0)
    return np.asarray(wave / np.abs(wave).max())


def oscillator(table: np.ndarray, frequency: float, count: int, phase: float = 0.0) -> np.ndarray:
    """`count` samples of `table` at `frequency` Hz, read with linear interpolation. phase : 0..1."""
    at = ((np.arange(count) * (frequency / RATE) + phase) % 1.0) * _TABLE
    low = at.astype(np.int64)
    share = at - low
    return np.asarray(table[low % _TABLE] * (1 - share) + table[(low + 1) % _TABLE] * share)


def envelope(count: int, attack: float, release: float) -> np.ndarray:
    """0 to 1 within `attack` s, back to 0 in the last `release` s, both as half cosines: nothing clicks."""
    shape = np.ones(count)
    for length, ends in ((attack, slice(None)), (release, slice(None, None, -1))):
        edge = min(seconds(length), count)
        shape[ends][:edge] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(edge) / max(edge, 1))
    return shape


def decay(count: int, time: float) -> np.ndarray:
    """exp(-t / time), led in over 1 ms and out over the last 5 ms."""
    return np.asarray(np.exp(-np.arange(count) / (time * RATE)) * envelope(count, 0.001, 0.005))


def band(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the part of `sound`, (n,) or (n, 2), between `low` and `high` Hz (4th order, zero phase)."""
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE) + 1e-9
    gain = 1 / (1 + (low / frequency) ** 4) / (1 + (frequency / high) ** 4)
    shaped = np.fft.rfft(sound, axis=0) * (gain if sound.ndim == 1 else gain[:, None])
    return np.fft.irfft(shaped, len(sound), axis=0)


def kick() -> np.ndarray:
    """Return a sine that falls from 180 to 46 Hz, with a short tick on top."""
    t = np.arange(seconds(0.4)) / RATE
    phase = 46 * t + (180 - 46) * 0.028 * (1 - np.exp(-t / 0.028))
    tick = sum(np.sin(2 * np.pi * f * t) for f in (2100, 3400, 5300, 7900)) * np.exp(-t / 0.005) * 0.22
    return np.asarray((np.sin(2 * np.pi * phase) + tick) * decay(len(t), 0.13))


def snare(random: np.random.Generator, tone: float = 0.5) -> np.ndarray:
    """Filtered noise over a short 190 Hz body. tone : 0 is a clap, 1 all drum."""
    count = seconds(0.3)
    noise = band(random.standard_normal(count), 900, 9000) * decay(count, 0.07)
    body = np.sin(2 * np.pi * 190 * np.arange(count) / RATE) * decay(count, 0.05)
    return np.asarray(0.5 * noise + tone * body)


def hat(random: np.random.Generator, length: float) -> np.ndarray:
    """Noise above 7 kHz that dies away within `length` s."""
    count = seconds(length * 4)
    return band(random.standard_normal(count), 7500, 16_000) * decay(count, length)


def bass(note: int, length: float) -> np.ndarray:
    """Return a dark saw over its sine, with a bright start."""
    count = seconds(length)
    pitch = hertz(note)
    dark, bright = (oscillator(saw_table(harmonics), pitch, count) for harmonics in (3, 12))
    opening = decay(count, 0.09)
    tone = dark * (1 - 0.6 * opening) + 0.6 * bright * opening
    sub = np.sin(2 * np.pi * pitch * np.arange(count) / RATE)
    return np.asarray((0.6 * tone + 0.6 * sub) * envelope(count, 0.004, 0.05))


def pad(notes: tuple[int, ...], length: float, random: np.random.Generator, brightness: np.ndarray) -> np.ndarray:
    """Four detuned saws a note, spread from left to right. brightness : 0..1, (seconds(length),). Returns (n, 2)."""
    count = seconds(length)
    tables = saw_table(2.5), saw_table(14)
    out = np.zeros((count, 2))
    for note in notes:
        for cents, place in ((-9, 0.1), (-3, 0.7), (4, 0.3), (10, 0.9)):
            pitch, phase = hertz(note + cents / 100), random.random()
            dark, bright = (oscillator(table, pitch, count, phase) for table in tables)
            voice = dark * (1 - brightness) + bright * brightness
            out += voice[:, None] * np.sqrt([1 - place, place])
    return out / (2 * len(notes))


def pluck(note: int, length: float, harmonics: float = 9) -> np.ndarray:
    """Return a short bright note that darkens as it dies away."""
    count = seconds(length)
    bright, dark = (oscillator(saw_table(h), hertz(note), count) for h in (harmonics, 2))
    opening = decay(count, length / 6)
    return np.asarray((bright * opening + dark * (1 - opening)) * decay(count, length / 3.5))


def riser(length: float, random: np.random.Generator) -> np.ndarray:
    """Noise that climbs from 300 Hz to 10 kHz and swells. Returns (n, 2)."""
    count = seconds(length)
    progress = np.arange(count) / count
    centres = np.geomspace(300, 10_000, 8)
    out = np.zeros((count, 2))
    for number, centre in enumerate(centres):
        weight = np.clip(1 - np.abs(progress * (len(centres) - 1) - number), 0, None)
        out += band(random.standard_normal((count, 2)), centre / 1.3, centre * 1.3) * weight[:, None]
    return out / out.std() * 0.25 * (progress**2 * envelope(count, 0.01, 0.01))[:, None]


def echoes(sound: np.ndarray, delay: float, feedback: float, count: int = 5) -> np.ndarray:
    """Echoes that jump from side to side, without the sound itself. sound : (n, 2)."""
    out = np.zeros_like(sound)
    for number in range(1, count + 1):
        shift = seconds(delay * number)
        repeated = sound[:-shift] if number % 2 == 0 else sound[:-shift, ::-1]
        out[shift:] += repeated * feedback**number
    return out


def room(sound: np.ndarray, time: float, random: np.random.Generator) -> np.ndarray:
    """Reverberation alone: `sound` (n, 2) convolved with decaying, darkening noise of `time` s to -60 dB."""
    count = seconds(time)
    tail = random.standard_normal((count, 2)) * (10 ** (-3 * np.arange(count) / count))[:, None]
    tail = band(tail, 250, 5000) * envelope(count, 0.012, 0.05)[:, None]
    tail /= np.sqrt((tail**2).sum(axis=0))
    size = 1 << (len(sound) + count).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size, axis=0) * np.fft.rfft(tail, size, axis=0), size, axis=0)
    return np.asarray(wet[: len(sound)])
