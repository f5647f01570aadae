"""Measures how well the picture follows the music: renders tracks in virtual time and compares motion with onsets.

    python benchmarks/dance.py TRACK... [--presets lava,ink,deep-sea] [--json dance.json] [--seconds 20] [--plot DIR]
    python benchmarks/dance.py TRACK --film FILM.mp4      # measures a recording of that track, by whatever made it
    python benchmarks/dance.py TRACK... --projectm BINARY PRESET.milk...      # projectM, see benchmarks/projectm.cpp

Motion is the mean absolute difference between successive pictures of the canvas at 60 a second. Reported for each show:

correlation   of motion with the strength of onsets (SuperFlux), at the best lag of 0 to 150 ms
hits          share of onsets (annotated by people in TRACK.drums, or detected offline) with a motion peak within 100 ms
false         share of motion peaks without an onset in the 100 ms before

and, with --scores (the extra `scores`), what others measure, from optical flow at 30 pictures a second:

av_align      AV-Align: librosa's onsets and maxima of the flow less than a picture apart, over their union
motion_beats  beat alignment over the peaks of the flow (benchmarks/scores.py), music_beats over the beats of the music,
              annotated by people in TRACK.beats or found by our offline analysis

each also with the sound shifted by half a beat against the picture, and by a quarter: music that strikes every half
beat scores nearly as well half a beat later, whatever the picture does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.hearing import beat_times, marks, merged  # noqa: E402
from benchmarks.scores import (  # noqa: E402
    FPS,
    av_align,
    beat_alignment,
    grey,
    local_maxima,
    mean_flow,
    onset_times,
)
from benchmarks.stage import Log, Rules, extract, perform  # noqa: E402
from livemusviz.assets import find_content, load_preset  # noqa: E402
from livemusviz.audio.file import hops  # noqa: E402
from livemusviz.bridge.features import AudioFeatures  # noqa: E402
from livemusviz.bridge.frames import Controls, Frame  # noqa: E402
from livemusviz.bridge.sound import HOP, SAMPLE_RATE  # noqa: E402
from livemusviz.cli.output import table  # noqa: E402
from livemusviz.diffusion.loop import conditioning  # noqa: E402
from livemusviz.features.frontend import FrontEnd  # noqa: E402
from livemusviz.features.measure import Measurer  # noqa: E402
from livemusviz.features.offline import analyse_hops  # noqa: E402
from livemusviz.params.values import ParamValues  # noqa: E402
from livemusviz.render.window import SoundWindow  # noqa: E402
from livemusviz.session.session import Session  # noqa: E402

CANVAS = (320, 180)
SHRUNK = 4  # pixels a side of the squares that motion is the mean of
SETTLED = 3.0  # s at the start that do not count
ANSWER = 0.1  # s within which a motion peak answers an onset
LAGS = np.arange(0.0, 0.1501, 1.0 / 60.0)
PEAK_WIDTH = 0.067  # s to each side in which a peak is the largest
PEAK_HEIGHT = 0.5  # deviations above the mean of PEAK_AROUND seconds
PEAK_AROUND = 2.0
RATE = 60.0  # motion values a second
EVERY = round(RATE / FPS)  # pictures of the canvas to one of the flow


def shrunk(pixels: np.ndarray) -> np.ndarray:
    """float32 mean of the squares of a canvas, uint8 (H, W, 3)."""
    width, height = CANVAS
    return pixels.astype(np.float32).reshape(height // SHRUNK, SHRUNK, width // SHRUNK, SHRUNK, 3).mean(axis=(1, 3))


class GlCanvas:
    """The show's own compositor, without a window."""

    def __init__(self, values: ParamValues, sound: np.ndarray) -> None:
        from livemusviz.display.compositor import Compositor
        from livemusviz.display.context import headless_context

        content, paths = find_content()
        self._compositor = Compositor(headless_context(), CANVAS, paths)
        self._session = Session(content, values)
        self._sound = SoundWindow(iter(np.array_split(sound, len(sound) // HOP)))
        self.times: list[float] = []  # of `pictures`
        self.pictures: list[np.ndarray] = []  # uint8 (H, W), grey, at `FPS`
        self._drawn = 0

    def show(self, frame: Frame, now: float) -> None:
        self._compositor.show(frame, now)

    def draw(self, now: float, features: AudioFeatures) -> np.ndarray:
        step = self._session.play(now, features, self._sound.until(now))
        self._compositor.draw(now, step.view)
        picture = self._compositor.read()[..., :3]
        if self._drawn % EVERY == 0:
            self.times.append(now)
            self.pictures.append(grey(picture))
        self._drawn += 1
        return shrunk(picture)


class Painter:
    """The embedded model."""

    def __init__(self) -> None:
        from livemusviz.diffusion import backend

        backend.prepare_backend()
        from livemusviz.diffusion.folder import EMBEDDED, resolve_model
        from livemusviz.diffusion.frame import FrameOptions
        from livemusviz.diffusion.pipeline import Pipeline
        from livemusviz.diffusion.spec import ModelSpec

        self.pipeline = Pipeline.load(ModelSpec(resolve_model(EMBEDDED)), 256, 256)
        self.pipeline.warm_up()
        self._options = FrameOptions.of

    def __call__(self, controls: Controls) -> np.ndarray:
        pipeline = self.pipeline
        text = conditioning(pipeline, controls)
        return pipeline.generate(controls.noise, text, controls.feedback, self._options(controls, None))


def onset_strength(sound: np.ndarray, times: np.ndarray) -> np.ndarray:
    """SuperFlux at `times`, s: the largest in the hops around each."""
    front_end, measurer, curve = FrontEnd(), Measurer(), []
    for i in range(0, len(sound) - HOP + 1, HOP):
        curve.append(measurer.step(front_end.process(i / SAMPLE_RATE, i, sound[i : i + HOP])).flux.full)
    at = np.clip((times[:, None] * SAMPLE_RATE / HOP).astype(int) + np.arange(-2, 2), 0, len(curve) - 1)
    return np.array(curve)[at].max(axis=1)


def correlation(motion: np.ndarray, strength: np.ndarray) -> tuple[float, float]:
    """Return the best over `LAGS`, and that lag in s. Motion follows strength. Both at RATE."""
    found = []
    for lag in LAGS:
        k = round(lag * RATE)
        a, b = motion[k:], strength[: len(strength) - k]
        found.append((float(np.corrcoef(a, b)[0, 1]), float(lag)))
    return max(found)


def peaks(times: np.ndarray, motion: np.ndarray, rate: float = RATE) -> np.ndarray:
    """Return the times of the motion peaks, s. rate : values a second."""
    wide, around = round(PEAK_WIDTH * rate), round(PEAK_AROUND * rate / 2)
    found = []
    for i in range(len(motion)):
        near = motion[max(0, i - wide) : i + wide + 1]
        lately = motion[max(0, i - around) : i + around + 1]
        if motion[i] >= near.max() and motion[i] > lately.mean() + PEAK_HEIGHT * lately.std():
            found.append(times[i])
    return np.array(found)


def score(times: np.ndarray, motion: np.ndarray, strength: np.ndarray, onsets: np.ndarray) -> dict[str, float]:
    counted = times >= SETTLED
    onsets = onsets[(onsets >= SETTLED) & (onsets <= times[-1] - ANSWER)]
    best, lag = correlation(motion[counted], strength[counted])
    found = peaks(times, motion)
    found = found[found >= SETTLED]
    hit = [bool(((found >= onset) & (found <= onset + ANSWER)).any()) for onset in onsets]
    false = [not ((onsets <= peak) & (onsets >= peak - ANSWER)).any() for peak in found]
    return {
        "correlation": round(best, 3),
        "lag_ms": round(1000 * lag),
        "hits": round(float(np.mean(hit)), 3) if hit else float("nan"),
        "false": round(float(np.mean(false)), 3) if false else 0.0,
    }


def shifted(times: np.ndarray, strength: np.ndarray, onsets: np.ndarray, by: float) -> tuple[np.ndarray, np.ndarray]:
    """Strength and onsets `by` s later, round the end."""
    end = times[-1] - times[0]
    return np.roll(strength, round(by * RATE)), np.sort((onsets + by) % end)


def truth(path: Path, sound: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the onsets of `sound`, s, by people where they are marked, and half a beat in s.

    sound : float32 (n, 2), the beginning of the track.
    """
    track = analyse_hops(sound[i : i + HOP] for i in range(0, len(sound) - HOP + 1, HOP))
    found = np.array([f.time for f in track if f.onset])
    bpm = track.column("bpm")
    half = 30.0 / float(np.median(bpm[bpm > 0])) if (bpm > 0).any() else 0.25
    if path.with_suffix(".drums").is_file():
        found = merged(list(marks(path, ".drums")))
    return within_sound(found, sound), half


def within_sound(times: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Return those of `times`, s, that lie within `sound`: marks cover the whole track, and would wrap when shifted."""
    return times[times < len(sound) / SAMPLE_RATE]


def scores_of_others(path: Path, times: np.ndarray, pictures: list[np.ndarray], sound: np.ndarray) -> dict[str, float]:
    """Return AV-Align and both beat alignments, and the same with the sound half a beat later, and a quarter of one.

    times, pictures : when each is seen, s, and uint8 (H, W), at `FPS`.  sound : float32 (n, 2).
    """
    flow, seen = mean_flow(pictures), times[1:]
    maxima, struck = local_maxima(seen, flow), peaks(seen, flow, FPS)
    onsets = onset_times(sound.mean(axis=1), SAMPLE_RATE)
    beats, (_, half) = music_beats(path, sound), truth(path, sound)
    row, end = {}, float(times[-1])
    for prefix, by in (("", 0.0), ("shifted_", half), ("quarter_", half / 2)):
        heard, counted = ((found + by) % end for found in (onsets, beats))
        within = [each[(each >= SETTLED) & (each <= end)] for each in (heard, counted, maxima, struck)]
        heard, counted, most, motion = within
        row[f"{prefix}av_align"] = round(av_align(heard, most), 3)
        row[f"{prefix}motion_beats"] = round(beat_alignment(motion, counted), 3)
        row[f"{prefix}music_beats"] = round(beat_alignment(counted, motion), 3)
    return row


def music_beats(path: Path, sound: np.ndarray) -> np.ndarray:
    """Return the beats of `sound`, s: marked by people, or found offline."""
    if path.with_suffix(".beats").is_file():
        return within_sound(marks(path, ".beats"), sound)
    return beat_times(list(analyse_hops(sound[i : i + HOP] for i in range(0, len(sound) - HOP + 1, HOP))))


def measured(path: Path, name: str, times: np.ndarray, motion: np.ndarray, sound: np.ndarray) -> dict[str, Any]:
    onsets, half = truth(path, sound)
    strength = onset_strength(sound, times)
    row: dict[str, Any] = {"track": path.stem, "show": name} | score(times, motion, strength, onsets)
    other = score(times, motion, *shifted(times, strength, onsets, half))
    return row | {f"shifted_{key}": other[key] for key in ("correlation", "hits")}


def row_of(
    path: Path, name: str, seen: tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]], sound: np.ndarray,
    scores: bool,
) -> dict[str, Any]:  # fmt: skip
    """Return what is measured of one show. seen : times and motion at RATE, times and grey pictures at FPS."""
    times, motion, at, pictures = seen
    row = measured(path, name, times, motion, sound)
    return row | scores_of_others(path, at, pictures, sound) if scores else row


def read_sound(path: Path, seconds: float) -> np.ndarray:
    sound = np.concatenate(list(hops(path)))
    return sound[: int(seconds * SAMPLE_RATE) // HOP * HOP]


def film_motion(film: Path, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Times on the track's clock and motion of a recording, at RATE; times and grey pictures at FPS."""
    from demo.measure import motion, offset_of, read_film

    shot, large = read_film(film, (80, 45)), read_film(film, CANVAS)
    begins = offset_of(sound, shot.sound)
    end = min(shot.times[-1] - begins, len(sound) / SAMPLE_RATE)
    ticks = np.arange(max(0.0, -begins), end, 1.0 / FPS)
    newest = np.maximum(np.searchsorted(shot.times - begins, ticks + 1e-6, side="right") - 1, 0)
    pictures = [grey(large.pictures[i]) for i in newest]
    times = np.arange(0.0, len(sound) / SAMPLE_RATE, 1.0 / RATE)
    moved = motion(shot) / np.maximum(np.diff(shot.times, prepend=shot.times[0] - 1 / RATE) * RATE, 0.2)
    return times, np.interp(times, shot.times - begins, moved), ticks, pictures


def projectm_motion(
    binary: str, preset: Path, sound: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return the same as `film_motion`, of projectM's show of one preset."""
    size = [str(pixels) for pixels in CANVAS]
    process = subprocess.run(
        [binary, str(preset), *size],
        input=sound.astype(np.float32).tobytes(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"LP_NUM_THREADS": "0"},
        check=True,
    )
    pictures = np.frombuffer(process.stdout, np.uint8).reshape(-1, CANVAS[1], CANVAS[0], 3)
    small = [shrunk(picture) for picture in pictures]
    motion = [0.0] + [float(np.abs(b - a).mean()) for a, b in zip(small, small[1:], strict=False)]
    times = (np.arange(len(motion)) + 1) / RATE  # a picture is seen when its sound has ended
    return times, np.array(motion), times[::EVERY], [grey(picture) for picture in pictures[::EVERY]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", nargs="+", type=Path)
    parser.add_argument("--presets", default="lava,ink,deep-sea", metavar="A,B")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each track")
    parser.add_argument("--film", type=Path, help="measure this recording instead")
    parser.add_argument("--projectm", nargs="+", metavar=("BINARY", "PRESET"), help="measure projectM instead")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter, over the presets'"
    )
    parser.add_argument("--scores", action="store_true", help="AV-Align and beat alignment too")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, metavar="DIR", help="motion and onsets of each show, as PNG")
    options = parser.parse_args()
    rows = []
    for path in options.tracks:
        sound = read_sound(path, options.seconds)
        if options.film is not None:
            rows.append(row_of(path, options.film.stem, film_motion(options.film, sound), sound, options.scores))
            continue
        if options.projectm is not None:
            binary, *presets = options.projectm
            for preset in map(Path, presets):
                rows.append(row_of(path, preset.stem, projectm_motion(binary, preset, sound), sound, options.scores))
            continue
        features, paint = extract(sound), Painter()
        for name in options.presets.split(","):
            extra = {key: float(value) for key, value in (pair.split("=") for pair in options.set)}
            values = ParamValues().with_values({**load_preset(name).values, "preset": name, **extra})
            canvas = GlCanvas(values, sound)
            log = perform(features, values.params, paint.pipeline.latent_shape, paint, canvas, Rules())
            paint.pipeline.reset()
            seen = np.array(log.times), np.array(log.motion), np.array(canvas.times), canvas.pictures
            rows.append(row_of(path, name, seen, sound, options.scores))
            if options.plot is not None:
                plot(options.plot / f"{path.stem}-{name}.png", log, truth(path, sound)[0])
    head = ["track", "show", "corr", "lag", "hits", "false", "shifted corr", "hits"]
    if options.scores:
        for prefix in ("", "shifted ", "quarter "):
            head += [f"{prefix}av-align", "motion", "music"]
    print(table([tuple(row.values()) for row in rows], head))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def plot(path: Path, log: Log, onsets: np.ndarray) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 4))
    axes = figure.subplots()
    axes.vlines(onsets, 0, max(log.motion), color="tab:red", lw=0.7, label="onsets")
    axes.plot(log.times, log.motion, lw=0.9, label="motion")
    found = peaks(np.array(log.times), np.array(log.motion))
    axes.plot(found, np.interp(found, log.times, log.motion), "v", ms=4, label="peaks")
    axes.legend(loc="upper right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    raise SystemExit(main())
