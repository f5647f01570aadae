"""Chooses the cue that follows. Pure."""

from __future__ import annotations

import numpy as np

from livemusviz.errors import UserError
from livemusviz.params.declare import Prompts
from livemusviz.params.performance import Way


def other_cue(way: Way, number: int, cues: Prompts, rng: np.random.Generator) -> int:
    """Return the number of the cue to play instead of `number` (from 1; 0 is none). UserError without cues.

    cues : (prompt, weight); the weights are those of a random choice, which never repeats `number`.
    """
    if not cues:
        raise UserError('no cues to play; send /cue/list ["a prompt", "another"]')
    if way == "next":
        return number % len(cues) + 1
    if way == "previous":
        return (number - 2) % len(cues) + 1 if number else len(cues)
    weights = np.array([0.0 if i + 1 == number else weight for i, (_, weight) in enumerate(cues)])
    if weights.sum() == 0.0:  # nothing else has any weight
        return number or 1
    return int(rng.choice(len(cues), p=weights / weights.sum())) + 1
