"""Curves that several rooms use. Pure."""


def smoothstep(t: float) -> float:
    """Ease from 0 (t = 0) to 1 (t = 1), at rest at both ends."""
    return t * t * (3.0 - 2.0 * t)


def phase_error(difference: float) -> float:
    """Return a difference of phases, in turns, as the shortest way between them: [-0.5, 0.5)."""
    return (difference + 0.5) % 1.0 - 0.5
