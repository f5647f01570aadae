"""Computes how likely a beat is now, with a small recurrent network. Runs on the features thread.

In: the inputs of `strokes.BeatInputs`. Out: an activation in 0..1. The network is two gated recurrent units (Cho et
al., EMNLP 2014) of 64 values each. It remembers some bars, so it knows an off-beat chord or a loud hi-hat from a beat.
It was trained on music that `training/beats` composes and renders; its weights lie beside this file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from livemusviz.features.strokes import STEP

WEIGHTS = Path(__file__).with_name("beats.npz")
POOLED = 2  # steps of the inputs in one of the network
NETWORK_STEP = POOLED * STEP  # s
HIDDEN, LAYERS = 64, 2


@cache
def weights() -> dict[str, np.ndarray]:
    """Return the arrays of `WEIGHTS` by name, float32."""
    with np.load(WEIGHTS) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


class RecurrentUnit:
    """A layer of gated recurrent units, as torch defines them. It keeps its state from step to step."""

    def __init__(self, layer: int) -> None:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self._input, self._hidden, self._input_bias, self._hidden_bias = (
            weights()[f"{name}_l{layer}"] for name in names
        )
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros(HIDDEN, np.float32)

    def step(self, x: np.ndarray) -> np.ndarray:
        """Return the new state, float32 (HIDDEN,), in -1..1."""
        new = self._input @ x + self._input_bias
        old = self._hidden @ self._state + self._hidden_bias
        gates = _sigmoid(new[: 2 * HIDDEN] + old[: 2 * HIDDEN])
        reset, update = gates[:HIDDEN], gates[HIDDEN:]
        candidate = np.tanh(new[2 * HIDDEN :] + reset * old[2 * HIDDEN :])
        self._state = candidate + update * (self._state - candidate)
        return self._state


class BeatNetwork:
    """The network: `LAYERS` recurrent layers and a logistic output."""

    def __init__(self) -> None:
        self._layers = [RecurrentUnit(layer) for layer in range(LAYERS)]
        self._out, self._bias = weights()["out_weight"][0], float(weights()["out_bias"][0])

    def reset(self) -> None:
        """Forget what was heard."""
        for layer in self._layers:
            layer.reset()

    def step(self, inputs: np.ndarray) -> float:
        """Advance by `NETWORK_STEP` and return the probability of a beat, 0..1.

        inputs : float32 (INPUTS,), the largest of `POOLED` steps.
        """
        x = np.sqrt(inputs)
        for layer in self._layers:
            x = layer.step(x)
        return float(_sigmoid(self._out @ x + self._bias))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))
