"""The shared-memory rings between the audio process and the show. Made and closed by the show."""

from __future__ import annotations

from livemusviz.audio.spec import STATUS_BYTES
from livemusviz.bridge.features import PACKED_FEATURES_BYTES
from livemusviz.bridge.ring import SharedRing
from livemusviz.features.hop import HOP_BYTES

BLOCK_SLOTS = 2048  # 11 s: how far a recorder may fall behind
FEATURE_SLOTS = 512
STATUS_SLOTS = 16


class AudioRings:
    """Holds the rings, and the show's readers of features and status.

    blocks, features, status : written by the audio process.  control : written by the show.
    """

    def __init__(self, control_bytes: int) -> None:
        self.blocks = SharedRing.create(BLOCK_SLOTS, HOP_BYTES)
        self.features = SharedRing.create(FEATURE_SLOTS, PACKED_FEATURES_BYTES)
        self.status = SharedRing.create(STATUS_SLOTS, STATUS_BYTES)
        self.control = SharedRing.create(STATUS_SLOTS, control_bytes)
        self.feature_reader, self.status_reader = self.features.reader(), self.status.reader()

    @property
    def names(self) -> tuple[str, str, str, str]:
        """Return the names by which the audio process attaches: blocks, features, status, control."""
        return self.blocks.name, self.features.name, self.status.name, self.control.name

    def close(self) -> None:
        """Let the memory go."""
        for ring in (self.blocks, self.features, self.status, self.control):
            ring.close()
