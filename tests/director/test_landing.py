"""Predicted beats, end to end in virtual time: a slow generator, the display's cross-fade, and where motion peaks."""

import numpy as np
import pytest

from benchmarks.stage import Rules, extract, perform
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Controls, Frame
from livemusviz.display.fade import FadeClock
from livemusviz.params.values import ParamValues
from tests.features.test_beat import kicks

SHAPE = (8, 8, 4)
SETTLED = 4.0  # s
NEAR = 0.25  # s around a beat in which its peak is looked for
WIDTH = 3  # pictures that motion is smoothed over


class Fades:
    """The display without its shaders: one frame fades into the next."""

    def __init__(self) -> None:
        self._clock = FadeClock()
        self._from = self._to = np.zeros(SHAPE[:2], np.float32)

    def show(self, frame: Frame, now: float) -> None:
        self._from = self.draw(now, AudioFeatures.rest(now))
        self._to = frame.image.astype(np.float32)
        self._clock.arrived(now)

    def draw(self, now: float, features: AudioFeatures) -> np.ndarray:
        return self._from + np.float32(self._clock.progress(now, 0.0)) * (self._to - self._from)


def paint(controls: Controls) -> np.ndarray:
    """A picture that moves as the noise does."""
    return 40.0 * controls.noise.mean(axis=2)


def misses(generate: float, predict: bool) -> np.ndarray:
    """Seconds from each beat to the peak of motion nearest to it."""
    sound, beats = kicks(120, 20.0)
    stereo = np.repeat(sound[:, None], 2, axis=1).astype(np.float32)
    values = ParamValues().with_values({"walk_kick": 0.05, "latent_feedback_strength": 0.0}).params
    rules = Rules(generate=(generate,) * 3, predict=predict)
    log = perform(extract(stereo), values, SHAPE, paint, Fades(), rules)
    motion = np.convolve(log.motion, np.ones(WIDTH) / WIDTH, "same")
    times, found = np.array(log.times), []
    for beat in beats[(beats > SETTLED) & (beats < times[-1] - NEAR)]:
        near = np.flatnonzero(np.abs(times - beat) <= NEAR)
        found.append(times[near[motion[near].argmax()]] - beat)
    return np.array(found)


@pytest.mark.parametrize("generate", [0.1, 0.06])
def test_motion_peaks_on_the_beat_though_the_generator_is_slow(generate: float) -> None:
    ahead, behind = misses(generate, predict=True), misses(generate, predict=False)
    told, untold = float(np.median(np.abs(ahead))), float(np.median(np.abs(behind)))
    print(
        f"{1e3 * generate:.0f} ms: |peak - beat| median {1e3 * told:.0f} ms, without prediction {1e3 * untold:.0f} ms"
    )
    assert told <= 0.03
    assert untold > told + 0.03
