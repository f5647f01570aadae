"""Reads a recorded show back and measures it: is it bright, does it move with the music, what colour is it?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from livemusviz.bridge.sound import CHANNELS, SAMPLE_RATE
from livemusviz.errors import UserError

SMALL = (160, 90)  # pixels; what motion and colour are measured on
ONSET_WINDOW = 0.1  # s after an onset in which motion counts as its answer


@dataclass(frozen=True, slots=True)
class Film:
    """A decoded recording. pictures : uint8 (n, h, w, 3).  times : s, (n,).  sound : float32 (samples, 2) at 48 kHz."""

    pictures: np.ndarray
    times: np.ndarray
    sound: np.ndarray
    codecs: tuple[str, ...]
    size: tuple[int, int]

    @property
    def seconds(self) -> float:
        return float(self.times[-1]) if len(self.times) else 0.0


def read_film(path: Path, size: tuple[int, int] = SMALL) -> Film:
    """Decode all of `path`, the pictures scaled to `size` (width, height). UserError if it cannot be read."""
    try:
        with av.open(str(path)) as container:
            codecs = tuple(stream.codec_context.name for stream in container.streams)
            video = container.streams.video[0]
            full = (video.codec_context.width, video.codec_context.height)
            pictures, times, sound = [], [], []
            resampler = av.AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE)
            for frame in container.decode():
                if isinstance(frame, av.VideoFrame):
                    pictures.append(frame.reformat(*size, format="rgb24", interpolation="AREA").to_ndarray())
                    times.append(float(frame.pts * frame.time_base))
                elif isinstance(frame, av.AudioFrame):
                    sound += [piece.to_ndarray().reshape(-1, CHANNELS) for piece in resampler.resample(frame)]
    except (av.FFmpegError, IndexError, OSError) as error:
        raise UserError(f"{path}: cannot be read back: {error}") from None
    if not pictures:
        raise UserError(f"{path}: holds no pictures")
    heard = np.concatenate(sound) if sound else np.zeros((0, CHANNELS), np.float32)
    return Film(np.stack(pictures), np.array(times), heard, codecs, full)


def offset_of(track: np.ndarray, sound: np.ndarray) -> float:
    """Seconds into `sound` at which `track` begins, by cross-correlation. Both float32 (samples, 2) at 48 kHz."""
    a, b = track.mean(axis=1), sound.mean(axis=1)
    size = 1 << (len(a) + len(b) - 1).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)
    lag = int(correlation.argmax())
    return (lag if lag < size // 2 else lag - size) / SAMPLE_RATE


def motion(film: Film) -> np.ndarray:
    """Mean absolute difference of each picture to the one before, 0..255, (n,); the first is 0."""
    difference = np.zeros(len(film.pictures))
    for i in range(1, len(film.pictures)):
        difference[i] = np.abs(film.pictures[i].astype(np.int16) - film.pictures[i - 1]).mean()
    return difference


def onset_motion_ratio(film: Film, onsets: np.ndarray, after: float = 3.0) -> float:
    """Mean motion from an onset to 100 ms later over that elsewhere, counted from `after` s. onsets : s, film time.

    A picture stands until the next one: that during which an onset comes counts, though it began before.
    """
    difference, counted = motion(film), film.times >= after
    ends = np.append(film.times[1:], np.inf)
    near = np.zeros(len(film.times), bool)
    for onset in onsets:
        near |= (ends > onset) & (film.times <= onset + ONSET_WINDOW)
    if not (counted & near).any() or not (counted & ~near).any():
        return float("nan")
    return float(difference[counted & near].mean() / difference[counted & ~near].mean())


def bad_pictures(film: Film, after: float = 1.0, dark: float = 4.0, flat: float = 4.0) -> int:
    """Return the number of pictures after `after` seconds that are black (mean below `dark`) or flat (deviation
    below `flat`).
    """
    pictures = film.pictures[film.times >= after].astype(np.float32)
    means = pictures.mean(axis=(1, 2, 3))
    deviations = pictures.mean(axis=3).std(axis=(1, 2))
    return int(((means < dark) | (deviations < flat)).sum())


def dominant_hue(picture: np.ndarray) -> float:
    """Return the hue, in degrees, where most colour is, by saturation times value (HSV). picture : uint8 (h, w, 3)."""
    rgb = picture.reshape(-1, 3).astype(np.float32) / 255
    high, low = rgb.max(axis=1), rgb.min(axis=1)
    chroma = high - low
    r, g, b = rgb.T
    safe = np.where(chroma > 0, chroma, 1)
    hue = np.select(
        [chroma == 0, high == r, high == g], [0 * r, ((g - b) / safe) % 6, (b - r) / safe + 2], (r - g) / safe + 4
    )
    counts, edges = np.histogram(hue * 60, bins=36, range=(0, 360), weights=chroma)
    smooth = counts + np.roll(counts, 1) + np.roll(counts, -1)
    return float(edges[int(smooth.argmax())] + 5.0)


def hue_distance(a: float, b: float) -> float:
    """Degrees between two hues, 0..180."""
    return abs((a - b + 180) % 360 - 180)
