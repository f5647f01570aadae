"""`livemusviz analyse`: the features of a track and the director's answers, as one picture or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from livemusviz.cli.output import print_json

SLOTS = 30.0  # engine slots a second, as live
LATENTS = (8, 8, 4)  # the walk's speed does not depend on them
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
REUSED = ("full", "shallow", "glide", "nothing")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("track", type=Path, metavar="TRACK", help="a sound file")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE.png", help="the picture (analysis.png without --json)"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument(
        "--live", action="store_true", help="as a live show hears it, instead of the whole track at once"
    )
    parser.add_argument("--preset", metavar="NAME", help="whose walk and skipping to show")


def run(options: argparse.Namespace) -> int:
    from livemusviz.assets import load_preset
    from livemusviz.audio.file import hops
    from livemusviz.audio.inprocess import InProcessAudio
    from livemusviz.features.offline import analyse_hops
    from livemusviz.params.values import ParamValues

    values = ParamValues()
    if options.preset:
        values = values.with_values(load_preset(options.preset).values)
    peaks: list[tuple[float, float]] = []
    sound = _watched(hops(options.track), peaks)
    features = list(InProcessAudio().feed_all(sound)) if options.live else list(analyse_hops(sound))
    slots = _direct(features, values.params)
    if options.json:
        print_json(_report(features, slots))
    if options.output is not None or not options.json:
        output = options.output or Path("analysis.png")
        _save(_figure(options.track.name, np.array(peaks), features, slots), output)
        if not options.json:
            print(f"{output}: {len(features) / 187.5:.1f} s, {_tempo(features):.1f} bpm, {features[-1].onsets} onsets")
    return 0


def _watched(hops: Any, peaks: list[tuple[float, float]]) -> Any:
    """Return the hops as they are; the lowest and highest sample of each go into `peaks`."""
    for hop in hops:
        peaks.append((float(hop.min()), float(hop.max())))
        yield hop


def _direct(features: Sequence[Any], params: Any) -> list[tuple[float, float, int]]:
    """Return (s, turns/s of the walk, reuse) for each slot of an engine that keeps up."""
    from livemusviz.bridge.frames import Timing
    from livemusviz.bridge.sound import HOP, SAMPLE_RATE
    from livemusviz.director.director import Director

    director, timing, slots = Director(LATENTS, params), Timing(0.06, 1.0 / SLOTS), []
    before: tuple[float, ...] | None = None
    for number in range(1, int(len(features) * HOP / SAMPLE_RATE * SLOTS)):
        now = number / SLOTS
        controls = director.step(now, features[int(now * SAMPLE_RATE / HOP) - 1], params, timing)
        turned = 0.0 if before is None else sum(b - a for a, b in zip(before, controls.place, strict=True))
        before = controls.place
        slots.append((now, turned * SLOTS / (2.0 * np.pi * len(controls.place)), int(controls.reuse)))
    return slots


def _tempo(features: Sequence[Any]) -> float:
    known = [f.bpm for f in features if f.bpm > 0.0]
    return float(np.median(known)) if known else 0.0


def _beats(features: Sequence[Any]) -> list[tuple[float, int]]:
    """Return (s, place in the bar from 1) of each beat."""
    pairs = zip(features, features[1:], strict=False)
    return [
        (b.time - b.beat_phase * 60.0 / b.bpm, int(b.bar_phase * 4) + 1)
        for a, b in pairs
        if b.beats > a.beats and b.bpm
    ]


def _sections(features: Sequence[Any]) -> list[float]:
    return [b.time for a, b in zip(features, features[1:], strict=False) if b.sections > a.sections]


def _report(features: Sequence[Any], slots: Sequence[tuple[float, float, int]]) -> dict[str, Any]:
    reused = [reuse for _, _, reuse in slots]
    second = [features[i] for i in range(0, len(features), 188)]
    return {
        "seconds": round(features[-1].time, 3),
        "bpm": round(_tempo(features), 2),
        "tuning": round(features[-1].tuning, 3),
        "onsets": [[round(f.time, 4), round(f.onset_strength, 3)] for f in features if f.onset],
        "beats": [[round(time, 4), place] for time, place in _beats(features)],
        "sections": [round(time, 2) for time in _sections(features)],
        "every_second": {
            name: [round(float(getattr(f, name)), 3) for f in second]
            for name in (
                "level",
                "energy",
                "bass",
                "mid",
                "treble",
                "centroid",
                "flatness",
                "intensity",
                "bpm_confidence",
            )
        },
        "chroma_every_second": [[round(weight, 3) for weight in f.chroma] for f in second],
        "slots": {name: reused.count(i) for i, name in enumerate(REUSED)},
    }


def _figure(title: str, peaks: np.ndarray, features: Sequence[Any], slots: Sequence[tuple[float, float, int]]) -> Any:
    from matplotlib.figure import Figure

    times = np.array([f.time for f in features])
    figure = Figure(figsize=(max(14.0, min(40.0, times[-1] / 5.0)), 13.0), layout="constrained")
    wave, bands, notes, shape, walk, skips = figure.subplots(
        6, sharex=True, gridspec_kw={"height_ratios": (2, 2, 2, 1.4, 1.4, 0.7)}
    )
    wave.set_title(f"{title}   {_tempo(features):.1f} bpm", loc="left")
    _draw_wave(wave, times, peaks, features)
    for i, (name, colour) in enumerate((("bass", "tab:red"), ("mid", "tab:green"), ("treble", "tab:blue"))):
        bands.plot(times, [getattr(f, name) / 4.0 + i for f in features], color=colour, lw=0.8)
        bands.fill_between(
            times, i, [getattr(f, f"{name}_hit") * 0.9 + i for f in features], color=colour, alpha=0.25, lw=0
        )
    bands.set_yticks([0.25, 1.25, 2.25], ["bass = 1", "mid = 1", "treble = 1"])
    bands.set_ylabel("levels, hits")
    chroma = np.array([f.chroma for f in features[::4]]).T
    notes.imshow(
        chroma, aspect="auto", origin="lower", extent=(0.0, times[-1], -0.5, 11.5), cmap="magma", vmin=0, vmax=1
    )
    notes.set_yticks(range(12), NAMES, fontsize=7)
    notes.set_ylabel("chroma")
    shape.plot(times, [f.intensity for f in features], color="tab:purple", label="intensity")
    shape.plot(times, [f.energy for f in features], color="tab:orange", lw=0.6, alpha=0.8, label="energy")
    shape.plot(times, [f.bpm_confidence for f in features], color="grey", lw=0.8, label="tempo confidence")
    shape.set_ylim(0.0, 1.05)
    shape.legend(loc="upper right", ncols=3, fontsize=8)
    for section in _sections(features):
        shape.axvline(section, color="k", ls="--", lw=1.0)
    moments, speeds, reused = (np.array(column) for column in zip(*slots, strict=True))
    walk.plot(moments, speeds, color="tab:cyan", lw=0.8)
    walk.set_ylabel("walk, turns/s")
    walk.set_ylim(bottom=0.0)
    skips.imshow(
        3 - reused[None, :], aspect="auto", extent=(moments[0], moments[-1], 0, 1), cmap="viridis", vmin=0, vmax=3
    )
    shares = "   ".join(f"{name} {100 * (reused == i).mean():.0f} %" for i, name in enumerate(REUSED))
    skips.set_yticks([])
    skips.set_ylabel("computed")
    skips.set_xlabel(f"s          dark to bright: {shares}")
    skips.set_xlim(0.0, times[-1])
    return figure


def _draw_wave(axes: Any, times: np.ndarray, peaks: np.ndarray, features: Sequence[Any]) -> None:
    axes.fill_between(times, peaks[: len(times), 0], peaks[: len(times), 1], color="0.6", lw=0)
    struck = [(f.time, f.onset_strength) for f in features if f.onset]
    if struck:
        at, strength = zip(*struck, strict=True)
        axes.vlines(at, 0.0, np.array(strength) * 1.0, color="tab:red", lw=0.8, label="onsets, by strength")
    beats = _beats(features)
    for first, style in ((True, {"lw": 1.2, "color": "tab:blue"}), (False, {"lw": 0.6, "color": "tab:blue"})):
        chosen = [time for time, place in beats if (place == 1) == first]
        axes.vlines(chosen, -1.0, -0.55 if first else -0.8, label="bars" if first else "beats", **style)
    axes.set_ylim(-1.0, 1.0)
    axes.set_ylabel("sound")
    axes.legend(loc="upper right", ncols=3, fontsize=8)


def _save(figure: Any, path: Path) -> None:
    from livemusviz.errors import UserError

    try:
        figure.savefig(path, dpi=100)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None
