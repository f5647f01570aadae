from pathlib import Path

from livemusviz.live.stats import EnergyMeter


def zone(root: Path, number: int, microjoules: int, most: int = 1_000_000_000) -> Path:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{most}\n")
    return folder


def test_joules_of_all_packages_and_counters_that_wrap(tmp_path: Path) -> None:
    zone(tmp_path, 0, 5_000_000)
    zone(tmp_path, 1, 999_000_000)
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, 0, 12_500_000)
    zone(tmp_path, 1, 1_000_000)
    assert meter.joules() == 7.5 + 2.0


def test_a_platform_that_does_not_tell_is_none_and_no_error(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path).joules() is None
    assert EnergyMeter(tmp_path / "nothing").joules() is None
    folder = zone(tmp_path, 0, 1)
    meter = EnergyMeter(tmp_path)
    (folder / "energy_uj").write_text("")
    assert meter.joules() is None
