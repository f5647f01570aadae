"""Mixes decoded sound of any number of channels to two. Pure: numpy only.

Channels are laid to the left and the right by their names, those beside and behind at half power (ITU-R BS.775), and
the whole is scaled so that no sum can clip. Low-frequency effects are included, because a show follows the bass.
Channels without a name, as an interface's 18 inputs, go to the left and the right in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from livemusviz.bridge.sound import CHANNELS

_HALF = 0.5**0.5  # half power
_SHARES = {  # (left, right) of a channel by FFmpeg's name of it
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (_HALF, _HALF), "LFE": (0.5, 0.5), "LFE2": (0.5, 0.5),
    "BL": (_HALF, 0.0), "BR": (0.0, _HALF), "SL": (_HALF, 0.0), "SR": (0.0, _HALF), "BC": (0.5, 0.5),
    "FLC": (1.0, 0.0), "FRC": (0.0, 1.0), "WL": (_HALF, 0.0), "WR": (0.0, _HALF), "DL": (1.0, 0.0), "DR": (0.0, 1.0),
    "TFL": (_HALF, 0.0), "TFR": (0.0, _HALF), "TFC": (0.5, 0.5), "TBL": (0.5, 0.0), "TBR": (0.0, 0.5),
}  # fmt: skip

_USUAL = {  # the order of a file that names none of its channels
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


@lru_cache(maxsize=64)
def matrix(names: tuple[str, ...]) -> np.ndarray:
    """Return float32 (channels, CHANNELS): what of each channel goes to the left and to the right. One channel goes to
    both.

    names : FFmpeg's, as "FL" or "NONE".
    """
    if all(name == "NONE" for name in names):
        names = _USUAL.get(len(names), names)
    if len(names) == 1:
        return np.ones((1, CHANNELS), np.float32)
    if len(names) == CHANNELS:
        return np.eye(CHANNELS, dtype=np.float32)
    known = len(set(names)) == len(names) and all(name in _SHARES for name in names)
    rows = [_SHARES[name] if known else ((1.0, 0.0), (0.0, 1.0))[i % 2] for i, name in enumerate(names)]
    shares = np.array(rows, np.float32)
    return shares / max(float(shares.sum(axis=0).max()), 1e-6)


def mix(sound: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return float32 (n, channels) as float32 (n, CHANNELS)."""
    if tuple(names) == ("FL", "FR"):
        return sound
    return sound @ matrix(tuple(names))


def floats(samples: np.ndarray) -> np.ndarray:
    """Return samples of any type that a decoder gives as float32, full scale 1."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128.0) / 128.0
    if np.issubdtype(samples.dtype, np.integer):
        return (samples / (np.iinfo(samples.dtype).max + 1.0)).astype(np.float32)
    return samples.astype(np.float32)
