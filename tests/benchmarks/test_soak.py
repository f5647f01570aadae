"""The soak: its arithmetic on made-up samples, and one of a few seconds on the real program."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.soak import Row, Sample, ends, judge, seconds_of, slope, soak

FIGURES: dict[str, Any] = {
    "audio_overflows": 0, "engine_failures": 0, "display_errors": 0, "audio": {"restarts": 0},
    "frame_ms": {"max": 40.0}, "display_fps": 30.0, "stalls": 0, "frames_generated": 100, "seconds": 600.0,
}  # fmt: skip


def samples(show: float = 0.0, leak: int = 0, count: int = 600) -> list[Sample]:
    """One a second; the show grows by `show` MiB a minute, and a descriptor is lost every `leak` seconds."""
    return [Sample(i, 500 + show * i / 60, 100, 20, 30 + (i // leak if leak else 0), 4) for i in range(count)]


def broken(rows: list[Row]) -> set[str]:
    return {row.name for row in rows if row.held is False}


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("3h", 10800), ("1.5h", 5400)])
def test_a_length_is_read_in_seconds_minutes_and_hours(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "h", "-3", "10 minutes", "nan", "1e3"])
def test_another_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give a number"):
        seconds_of(text)


def test_the_slope_is_a_minute() -> None:
    assert slope([0, 1, 2], [10, 10.05, 10.1]) == pytest.approx(3.0)
    assert slope([5], [10]) == 0.0


def test_what_comes_and_goes_does_not_count() -> None:
    assert ends([4, 4, 4, 9, 9, 9, 4, 5, 4]) == (4, 4)
    assert ends([7]) == (7, 7)


def test_a_steady_show_is_held() -> None:
    assert broken(judge(samples(show=0.9), FIGURES, (600.0, 600.05), 180.0)) == set()


def test_growth_in_the_warm_up_is_not_judged() -> None:
    growing = [Sample(i, min(500 + i, 680), 100, 20, 30, 4) for i in range(600)]
    assert broken(judge(growing, FIGURES, (600.0, 600.0), 180.0)) == set()


def test_each_limit_is_told_when_it_breaks() -> None:
    assert broken(judge(samples(show=1.1), FIGURES, (9.0, 9.0), 180.0)) == {"memory of the show"}
    assert broken(judge(samples(leak=60), FIGURES, (9.0, 9.0), 180.0)) == {"descriptors"}
    assert broken(judge(samples(), FIGURES, (9.0, 9.2), 180.0)) == {"recording"}
    assert broken(judge(samples(), FIGURES | {"audio_overflows": 1}, (9.0, 9.0), 180.0)) == {"audio overflows"}
    assert broken(judge(samples(), FIGURES | {"audio": {"restarts": 1}}, (9.0, 9.0), 180.0)) == {"audio restarts"}


@pytest.mark.system
def test_a_soak_of_seconds_measures_the_real_program(tmp_path: Path) -> None:
    rows = {row.name: row for row in soak(tmp_path / "soak", 6.0, ["ink", "lava"])}
    assert rows["recording"].held and rows["engine failures"].held and rows["display errors"].held
    assert "MiB a minute" in rows["memory of the audio"].measured
    assert not rows["memory of the audio"].measured.endswith(" 0 MiB")
