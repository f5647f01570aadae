"""Decides from which picture a frame starts, how far it departs from it, and if it has changed. Pure."""

from __future__ import annotations

from livemusviz.bridge.frames import ControlLevel
from livemusviz.bridge.sources import PictureInput, SourcePicture
from livemusviz.params.params import MAX_CONTROLS, Params, control_params

OTHER_STRENGTH = 0.02  # change of the strength above which a frame is another one


class PictureFollower:
    """`step` once for each slot, then `drew` if the frame is computed by its picture.

    picture : what the frame starts from, None is noise alone.
    strength : 0..1, how far from it; 1 is noise alone.
    """

    def __init__(self) -> None:
        self.picture: SourcePicture | None = None
        self.strength = 1.0
        self._structure = 0.0  # 0..1, how much ControlNets hold its structure
        self._given: SourcePicture | None = None  # whose mirror image `picture` may be
        self._mirror = False
        self._drawn: tuple[SourcePicture | None, float] = (None, 1.0)

    def step(self, given: PictureInput, params: Params) -> None:
        """Take over the newest picture. One that fades out gives way to the noise."""
        if given.picture is not self._given or params.picture_mirror != self._mirror:
            self._given, self._mirror = given.picture, params.picture_mirror
            mirror = self._mirror and given.picture is not None
            self.picture = given.picture.mirrored() if mirror and given.picture is not None else given.picture
        presence = given.presence if self.picture is not None else 0.0
        self.strength = 1.0 - (1.0 - params.strength) * presence
        self._structure = min(1.0, max(level.scale for level in control_levels(params)))

    @property
    def similarity(self) -> float:
        """Return 0..1, how alike the picture is to the one last drawn, as far as it shows at this strength or holds
        the structure."""
        drawn = self._drawn[0]
        if self.picture is None or drawn is None or self.picture is drawn:
            return 1.0
        return 1.0 - max(1.0 - self.strength, self._structure) * self.picture.difference(drawn)

    @property
    def changed(self) -> bool:
        """Return True if a picture came or went since the last one drawn, or if the strength moved."""
        drawn, strength = self._drawn
        return (self.picture is None) != (drawn is None) or abs(self.strength - strength) > OTHER_STRENGTH

    def drew(self) -> None:
        """Remember the picture: a frame was computed by it."""
        self._drawn = (self.picture, self.strength)


def control_levels(params: Params) -> tuple[ControlLevel, ...]:
    """Return the faders of all ControlNets that a show may have; one that is disabled has scale 0."""
    levels = []
    for n in range(1, MAX_CONTROLS + 1):
        scale, enabled, interval = (getattr(params, name) for name in control_params(n))
        levels.append(ControlLevel(scale if enabled else 0.0, interval))
    return tuple(levels)
