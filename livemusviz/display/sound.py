"""The sound as textures, for ISF inputs of the types audio and audioFFT. Runs on the thread that owns the context.

In: the newest samples. Out: a waveform (0.5 is silence) and a spectrum (0..1), a column a sample or bin, a row a
channel.
"""

from __future__ import annotations

import moderngl
import numpy as np

from livemusviz.display.state import State

SAMPLES = 512  # in the waveform; also the window of the spectrum, 10.7 ms
BINS = 256
FALL = 0.12  # s, time constant with which a bin falls back
FLOOR, CEILING = -72.0, -6.0  # dB of a full-scale sine that are 0 and 1


class SoundTextures:
    """`update` once a display frame on which a shader wants sound. by_type : the textures by the inputs' type."""

    def __init__(self, ctx: moderngl.Context, channels: int = 2) -> None:
        self.wave = ctx.texture((SAMPLES, channels), 1, dtype="f4")
        self.spectrum = ctx.texture((BINS, channels), 1, dtype="f4")
        for texture in (self.wave, self.spectrum):
            texture.swizzle = "RRR1"
            texture.repeat_x = texture.repeat_y = False
        self.by_type = {"audio": self.wave, "audioFFT": self.spectrum}
        self._channels = channels
        self._bins = np.zeros((channels, BINS), np.float32)
        self.update(None, 0.0)

    def update(self, sound: np.ndarray | None, dt: float) -> None:
        """sound : float32 (n, channels), the newest samples, or None for silence.  dt : s since the last call."""
        window = np.zeros((SAMPLES, self._channels), np.float32)
        if sound is not None and sound.size:
            newest = np.nan_to_num(sound[-SAMPLES:, : self._channels])
            window[-len(newest) :, : newest.shape[1]] = newest
        self._bins = np.maximum(spectrum(window), self._bins * np.float32(np.exp(-dt / FALL)))
        self.wave.write(np.ascontiguousarray(np.clip(window.T * 0.5 + 0.5, 0.0, 1.0)))
        self.spectrum.write(np.ascontiguousarray(self._bins))

    def exchange(self, state: State) -> None:
        """Save or restore the sound that is drawn."""
        self._bins = state.array("bins", self._bins)
        state.texture("wave", self.wave)
        state.texture("spectrum", self.spectrum)


def spectrum(window: np.ndarray) -> np.ndarray:
    """Levels of the bins, 0..1 over FLOOR..CEILING: float32 (channels, BINS). window : float32 (SAMPLES, channels)."""
    shaped = window * np.hanning(SAMPLES).astype(np.float32)[:, None]
    size = np.abs(np.fft.rfft(shaped, axis=0))[1 : BINS + 1].T * (4.0 / SAMPLES)
    level = (20.0 * np.log10(size + 1e-9) - FLOOR) / (CEILING - FLOOR)
    return np.clip(level, 0.0, 1.0).astype(np.float32)
