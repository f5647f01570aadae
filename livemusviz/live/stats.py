"""Collects the figures of a show. Main thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Frame
from livemusviz.control.loop import OscCounts
from livemusviz.display.options import DisplayHealth
from livemusviz.figures import Samples, percentiles
from livemusviz.record.loop import RecordSummary

KEPT = 36_000  # samples of each figure; older ones go
RECENT = 60  # frames behind the HUD's median


class ShowStats:
    """Collects the figures of a show. All times in seconds on the perf_counter scale.

    health : of the display.  recorded : finished recordings.  generate : s, how long each frame took.  osc : counts.
    """

    def __init__(self, began: float) -> None:
        self.began, self.energy = began, EnergyMeter()
        self.health = DisplayHealth()
        self.recorded: list[RecordSummary] = []
        self.generate: Sequence[float] = ()
        self.osc = OscCounts(0, 0, 0)
        self.first_frame: float | None = None  # s, when the first generated frame was presented
        self.audio_to_frame = Samples(KEPT)
        self.onset_to_shader = Samples(KEPT)

    def shown(self, frame: Frame, time: float) -> None:
        """Count a generated frame that was presented for the first time at `time`, s."""
        if self.first_frame is None:
            self.first_frame = time
        self.audio_to_frame.append(time - frame.time)

    def onset_shown(self, features: AudioFeatures, time: float) -> None:
        """Note that the first display frame that shows this onset was presented at `time`, s."""
        self.onset_to_shader.append(time - features.time)

    def take_health(self, health: DisplayHealth) -> None:
        """Keep the display's newest figures."""
        self.health = health

    def late_ms(self) -> float:
        """Return the median from a sound to its picture, ms, over the last frames; 0 without any."""
        return (percentiles(self.audio_to_frame.newest(RECENT)) or {"p50": 0.0})["p50"]


class EnergyMeter:
    """Measures the joules of the machine's processors since it was made, on Linux (powercap, often root only)."""

    def __init__(self, root: Path = Path("/sys/class/powercap")) -> None:
        self._zones = sorted(root.glob("intel-rapl:?"))
        self._began = self._read()

    def joules(self) -> float | None:
        """Return the joules so far; None where the platform has no such counter."""
        now = self._read()
        if self._began is None or now is None:
            return None
        spent = 0.0
        for zone, before, after in zip(self._zones, self._began, now, strict=True):
            spent += after - before if after >= before else after - before + _number(zone / "max_energy_range_uj")
        return round(spent / 1e6, 1)

    def _read(self) -> list[float] | None:
        try:
            return [_number(zone / "energy_uj") for zone in self._zones] or None
        except (OSError, ValueError):
            return None


def _number(path: Path) -> float:
    return float(path.read_text(encoding="utf-8"))
