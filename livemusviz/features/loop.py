"""Runs the features thread: reads hops from one ring and writes `AudioFeatures` to another.

Runs in the audio process. In: packed `Hop`. Out: packed `AudioFeatures`, well under a millisecond after the hop.
"""

from __future__ import annotations

import logging
import threading

from livemusviz.bridge.ring import SharedRing
from livemusviz.features.extractor import Extractor
from livemusviz.features.hop import Hop

log = logging.getLogger(__name__)

PATIENCE = 0.1  # s between looks at the ring without the bell


class Bell:
    """Wakes one sleeping thread. `ring` never waits, so a real-time callback may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake the sleeper, or cancel its next sleep. Only one thread may call this."""
        if self._lock.locked():
            self._lock.release()

    def wait(self, timeout: float) -> None:
        """Sleep until the bell rings, at most `timeout` seconds."""
        self._lock.acquire(timeout=timeout)


class FeaturesLoop:
    """Runs an `Extractor` on a thread of its own.

    failures : hops whose analysis raised; they are left out.
    """

    def __init__(self, blocks: SharedRing, features: SharedRing, onsets: int, method: str = "superflux") -> None:
        """Make the thread, without starting it.

        onsets : where their count starts.  method : of onset detection, one of `onset.METHODS`.
        """
        self._hops = blocks.reader()
        self._features = features
        self._extractor = Extractor(onsets, method)
        self._ending = False
        self.bell = Bell()
        self.failures = 0
        self._thread = threading.Thread(target=self._run, name="features", daemon=True)

    def set_sensitivity(self, sensitivity: float) -> None:
        """Divide the thresholds of onsets by `sensitivity`, > 0, from the next hop on."""
        self._extractor.sensitivity = sensitivity

    @property
    def dropped(self) -> int:
        """Return the number of hops that were overwritten before they were analysed."""
        return self._hops.dropped

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread; wait at most one second for it."""
        self._ending = True
        self.bell.ring()
        self._thread.join(1.0)

    def drain(self) -> int:
        """Analyse all waiting hops and return their number."""
        count = 0
        while (data := self._hops.read()) is not None:
            count += 1
            try:
                self._features.write(self._extractor.step(Hop.unpack(data)).pack())
            except Exception:
                self._count_failure()
        return count

    def _run(self) -> None:
        while not self._ending:
            self.bell.wait(PATIENCE)
            try:
                self.drain()
            except Exception:  # of the ring
                self._count_failure()

    def _count_failure(self) -> None:
        """Count what failed, and log it the first time."""
        self.failures += 1
        if self.failures == 1:
            log.exception("the analysis of a hop failed; it goes on with the next")
