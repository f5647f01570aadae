"""Analyses a whole track at once, not causally, for the offline render and `analyse`. Pure; caller's thread.

In: the track's hops, float32 (HOP, CHANNELS) at SAMPLE_RATE, as `audio.file.hops(path)` gives them. Out: a
`FeatureTrack`: one `AudioFeatures` a hop, 200 bytes each, 130 MB an hour.

The measures are those of the live analysis. The difference: beats are the likeliest of the whole track, onsets are
placed where they begin, levels are relative to the track's mean, and nothing is delayed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np

from livemusviz.bridge.features import BEATS_A_BAR, PITCH_CLASSES, AudioFeatures
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features import chroma, form, onset
from livemusviz.features.bar import first_place
from livemusviz.features.decode import beat_activation, beat_hops, centred_mean
from livemusviz.features.extractor import HIT_DECAY, STRENGTH_DECAY, Band, Loudness, Relative
from livemusviz.features.follow import WholeAverage, weight
from livemusviz.features.frontend import FrontEnd
from livemusviz.features.measure import Measurer

HOP_SECONDS = HOP / SAMPLE_RATE
DELAY = 1.0  # hops from the start of an onset to its flux
FORGET = 4.0  # s of silence after which there are no beats
AROUND = 2.5  # activation of a beat over the mean, at a confidence of 0.5
COLUMNS = (
    "rms",
    "sound",
    "bass",
    "mid",
    "treble",
    "centroid",
    "flatness",
    "tuning",
    "full",
    "low",
    "middle",
    "high",
    "air",
)
NUMBERS = (
    *("level", "rms", "bass", "mid", "treble", "onset", "onset_strength", "onsets", "energy"),
    *("bpm", "beat_phase", "bpm_confidence", "silent", "bass_hit", "mid_hit", "treble_hit"),
    *("bass_presence", "mid_presence", "treble_presence", "centroid", "flatness", "tuning"),
    *("beats", "bar_phase", "intensity", "sections"),
)
WHOLE = frozenset(("onsets", "beats", "sections"))
SWITCHES = frozenset(("onset", "silent"))


class FeatureTrack(Sequence[AudioFeatures]):
    """A sequence of `AudioFeatures`, one a hop, made when it is read.

    `track[i].time` is the end of hop i, s from the start of the track.
    """

    def __init__(self, columns: dict[str, np.ndarray], chromas: np.ndarray) -> None:
        """Hold the columns.

        columns : an array (hops,) for each of `NUMBERS`.  chromas : (hops, 12).
        """
        self._columns, self._chromas = columns, chromas

    def __len__(self) -> int:
        return len(self._chromas)

    @overload
    def __getitem__(self, index: int) -> AudioFeatures: ...
    @overload
    def __getitem__(self, index: slice) -> list[AudioFeatures]: ...
    def __getitem__(self, index: int | slice) -> AudioFeatures | list[AudioFeatures]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]  # negative indices, IndexError
        values: dict[str, Any] = {name: _plain(name, column[i]) for name, column in self._columns.items()}
        return AudioFeatures(
            time=(i + 1) * HOP_SECONDS, sample=(i + 1) * HOP - 1, chroma=tuple(self._chromas[i].tolist()), **values
        )

    def column(self, name: str) -> np.ndarray:
        """Return one feature over the whole track: (hops,), or (hops, 12) for "chroma"."""
        return self._chromas if name == "chroma" else self._columns[name]


def _plain(name: str, value: np.generic) -> float | int | bool:
    return bool(value) if name in SWITCHES else int(value) if name in WHOLE else float(value)


def analyse_hops(hops: Iterable[np.ndarray], gain: float = 1.0, sensitivity: float = 1.0) -> FeatureTrack:
    """Return the features of a whole track.

    hops : float32 (HOP, CHANNELS) each, in [-1, 1].  gain : linear, as live.  sensitivity : of onsets, as live.
    """
    measured, chromas = _measure(hops, gain)
    sound = measured["sound"] > 0.5
    columns = _levels(measured, sound)
    columns |= _onsets(measured, sensitivity)
    columns |= _beats(measured, chromas, sound)
    columns |= _form(measured, sound, columns)
    columns |= {name: measured[name] for name in ("rms", "centroid", "flatness", "tuning")}
    columns["silent"] = ~sound
    return FeatureTrack({name: columns[name] for name in NUMBERS}, _centred_chroma(chromas))


def _measure(hops: Iterable[np.ndarray], gain: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    front_end, measurer, rows = FrontEnd(), Measurer(), array("f")
    for number, samples in enumerate(hops):
        loud = np.clip(samples * np.float32(gain), -1.0, 1.0)
        hop = front_end.process(number * HOP_SECONDS, number * HOP, loud)
        m = measurer.step(hop)
        rows.extend((hop.rms, hop.sound, *m.bands, m.centroid, m.flatness, m.tuning, *m.flux, *m.chroma))
    table = np.frombuffer(rows, np.float32).reshape(-1, len(COLUMNS) + PITCH_CLASSES)
    return {name: table[:, i] for i, name in enumerate(COLUMNS)}, table[:, len(COLUMNS) :]


def _levels(measured: dict[str, np.ndarray], sound: np.ndarray) -> dict[str, np.ndarray]:
    """Return level, energy, and the bands' levels and presences, relative to the mean of the track's sound."""

    def usual(name: str) -> WholeAverage:
        return WholeAverage(float(measured[name][sound].mean()) if sound.any() else 0.0)

    loudness, level = Loudness(usual("rms")), Relative(0.02, 0.15, usual("rms"))
    names = ("bass", "mid", "treble")
    bands = [Band(usual(name)) for name in names]
    rows = array("f")
    loudnesses = np.where(sound, measured["rms"], 0.0).tolist()
    for rms, *levels in zip(loudnesses, *(measured[name].tolist() for name in names), strict=True):
        floor = loudness.floor
        rows.extend((level.step(rms, HOP_SECONDS, 0.0), loudness.step(rms, 0.0)))
        for band, value in zip(bands, levels, strict=True):
            relative, _, presence = band.step(value, 0.0, 0.0, floor)
            rows.extend((relative, presence))
    table = np.frombuffer(rows, np.float32).reshape(-1, 8)
    columns = ("level", "energy", *(f"{name}{what}" for name in names for what in ("", "_presence")))
    return {name: table[:, i] for i, name in enumerate(columns)}


def _onsets(measured: dict[str, np.ndarray], sensitivity: float) -> dict[str, np.ndarray]:
    """Return onsets where they begin, and the hits of the bands."""
    full = measured["full"] / (onset.LEAST_FULL + onset.RELATIVE * _mean(measured["full"]))
    air = measured["air"] / (onset.LEAST_AIR + onset.RELATIVE * _mean(measured["air"]))
    strikes = _strikes(np.maximum(full, air) * sensitivity, measured["rms"])
    found: dict[str, np.ndarray] = {
        "onset": strikes > 0.0,
        "onsets": np.cumsum(strikes > 0.0),
        "onset_strength": _decaying(strikes, STRENGTH_DECAY),
    }
    for name, curve, least in zip(("bass", "mid", "treble"), ("low", "middle", "high"), onset.LEAST_BANDS, strict=True):
        flux = measured[curve]
        excess = flux / (least + onset.RELATIVE * _mean(flux))
        found[f"{name}_hit"] = _decaying(_strikes(excess * sensitivity, flux), HIT_DECAY)
    return found


def _mean(flux: np.ndarray) -> np.ndarray:
    return centred_mean(flux, 2 * onset.LATELY)


def _strikes(excess: np.ndarray, loudness: np.ndarray) -> np.ndarray:
    """Return the strength of the onset in each hop, 0 for none: (hops,).

    excess : flux over its threshold.  loudness : whose rise is the strength, relative to the largest rise of the track.
    """
    strikes = np.zeros(len(excess), np.float32)
    last = -onset.REFRACTORY
    reach = onset.PEAK
    rises = {}
    for i in np.flatnonzero(excess >= 1.0).tolist():
        if i * HOP_SECONDS - last <= onset.REFRACTORY or excess[i] < excess[max(0, i - reach) : i + reach + 1].max():
            continue
        last = i * HOP_SECONDS
        rises[max(0, i - round(DELAY))] = float(
            loudness[i : i + 8].max(initial=0.0) - loudness[max(0, i - 6) : i].min(initial=1.0)
        )
    largest = max(rises.values(), default=1.0)
    for i, rise in rises.items():
        strikes[i] = onset.WEAKEST + (1.0 - onset.WEAKEST) * min(1.0, max(0.0, rise / max(largest, 1e-9)))
    return strikes


def _decaying(strikes: np.ndarray, tau: float) -> np.ndarray:
    keep, value, out = 1.0 - weight(HOP_SECONDS, tau), 0.0, array("f")
    for strike in strikes.tolist():
        value = max(strike, value * keep)
        out.append(value)
    return np.frombuffer(out, np.float32)


def _beats(measured: dict[str, np.ndarray], chromas: np.ndarray, sound: np.ndarray) -> dict[str, np.ndarray]:
    """Return tempo, phases and confidence between the decoded beats."""
    beats = np.maximum(0.0, beat_hops(measured["full"]) - DELAY)
    if len(beats) < 4:
        return {name: np.zeros(len(sound)) for name in ("bpm", "beat_phase", "bpm_confidence", "beats", "bar_phase")}
    lengths = np.diff(beats)
    lengths = np.append(lengths, lengths[-1])
    steady = centred_mean(lengths, 4)
    activations = np.repeat(beat_activation(measured["full"]), 2)
    at = np.arange(len(sound)) + 1.0  # the end of each hop
    first = np.maximum(np.searchsorted(beats, at, side="right") - 1, 0)
    into = (at - beats[first]) / lengths[first]  # negative before the first beat
    position = first + np.minimum(into, 1.0 - 1e-6)
    number = np.floor(position).astype(int)
    begin = int(np.argmin(np.abs(beats - int(np.argmax(sound)))))
    place = first_place(beats, begin, measured["low"], measured["middle"] + measured["high"], chromas)
    around = np.clip(beats[:, None].astype(int) + np.arange(-3, 5), 0, len(activations) - 1)
    struck = activations[around].max(axis=1)
    usual = max(float(activations[sound[: len(activations)]].mean()) if sound.any() else 0.0, 1e-3)
    sure = centred_mean(struck / (struck + AROUND * usual), 8)
    there = _lasting(sound)
    return {
        "bpm": np.where(there, 60.0 / (steady[first] * HOP_SECONDS), 0.0),
        "beat_phase": np.where(there, position - number, 0.0),
        "bpm_confidence": np.where(there, sure[first], 0.0),
        "beats": np.maximum.accumulate(np.maximum(number, 0)),
        "bar_phase": np.where(there, ((position - place) / BEATS_A_BAR) % 1.0, 0.0),
    }


def _lasting(sound: np.ndarray) -> np.ndarray:
    """Return True where there was sound within the last `FORGET` seconds: bool (hops,)."""
    at = np.arange(len(sound))
    last = np.maximum.accumulate(np.where(sound, at, -(10**9)))
    return at - last <= FORGET / HOP_SECONDS


def _form(measured: dict[str, np.ndarray], sound: np.ndarray, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the intensity relative to the whole track, and the sections, which begin on the nearest bar."""
    width = 2.0 * form.SHORT / HOP_SECONDS
    octaves = np.zeros(len(sound))
    for name, share in (("rms", form.LOUD), ("full", form.DENSE), ("centroid", form.BRIGHT)):
        usual = float(measured[name][sound].mean()) if sound.any() else 1.0
        now = np.maximum(centred_mean(np.where(sound, measured[name], 0.0), width), 1e-6)
        octaves += share * np.clip(np.log2(now / max(usual, 1e-6)), -form.LIMIT, form.LIMIT)
    there = centred_mean(sound.astype(float), width)
    return {
        "intensity": there / (1.0 + np.exp(-2.0 * form.STEEP * octaves)),
        "sections": np.cumsum(_changes(measured, sound, columns)),
    }


def _changes(measured: dict[str, np.ndarray], sound: np.ndarray, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Return True in each hop in which a section begins: bool (hops,)."""
    names, floors = ("bass", "mid", "treble", "centroid", "full"), (1e-3, 1e-3, 1e-3, 50.0, 1e-3)
    half = round(form.BEFORE / 2 / HOP_SECONDS)
    changes = np.zeros(len(sound), bool)
    if len(sound) < 4 * half:
        return changes
    distance = np.zeros(len(sound) - 2 * half + 1)
    for name, floor, unit in zip(names, floors, form.UNITS, strict=True):
        total = np.concatenate([[0.0], np.cumsum(np.where(sound, measured[name], 0.0), dtype=np.float64)])
        before, after = (total[half:-half] - total[: -2 * half]) / half, (total[2 * half :] - total[half:-half]) / half
        distance += np.square((np.log2(np.maximum(after, floor)) - np.log2(np.maximum(before, floor))) / unit)
    distance = np.sqrt(distance / len(names))
    apart = round(form.APART / HOP_SECONDS)
    bars = np.flatnonzero(np.diff(columns["bar_phase"]) < -0.5)
    for i in np.flatnonzero(distance > form.UNLIKE).tolist():
        if distance[i] >= distance[max(0, i - apart) : i + apart + 1].max():
            at = i + half
            near = bars[np.argmin(np.abs(bars - at))] if len(bars) else at
            changes[near if abs(near - at) * HOP_SECONDS < 1.5 else at] = True
    return changes


def _centred_chroma(chromas: np.ndarray) -> np.ndarray:
    """Return the chromas moved back by the window's delay and smoothed both ways."""
    delay = chroma.WINDOW - chroma.HEAVIEST
    back = math.floor(delay / HOP / 2)
    moved = np.concatenate([chromas[back:], np.repeat(chromas[-1:], min(back, len(chromas)), axis=0)])[: len(chromas)]
    return np.stack([centred_mean(column, 0.08 / HOP_SECONDS) for column in moved.T], axis=1).astype(np.float32)
