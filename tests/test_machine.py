"""Reading a machine: cores by affinity and cgroup, what draws, what runs the model."""

import math
from pathlib import Path

import pytest

from livemusviz.machine import cgroup_quota, cpu_draws, cpu_engine, read_machine, usable_cores


def cgroup(root: Path, lines: str, **files: str) -> Path:
    """A root with /proc/self/cgroup of `lines`, and files under /sys/fs/cgroup; `__` in a name is a slash."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(lines)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_affinity_counts_where_there_is_no_quota(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, allowed=3) == 3
    assert math.isinf(cgroup_quota(tmp_path))


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 1), ("20000 100000", 1), ("x", 8)]
)
def test_the_quota_of_a_v2_cgroup(tmp_path: Path, quota: str, cores: int) -> None:
    assert usable_cores(cgroup(tmp_path, "0::/\n", cpu_dot_max=quota + "\n"), allowed=8) == cores


def test_the_smallest_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    root = cgroup(tmp_path, "0::/show/one\n", show__cpu_dot_max="200000 100000", show__one__cpu_dot_max="max 100000")
    assert usable_cores(root, allowed=8) == 2


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("300000", 3)])
def test_the_quota_of_a_v1_cgroup(tmp_path: Path, quota: str, cores: int) -> None:
    files = {"cpu,cpuacct__cpu_dot_cfs_quota_us": quota, "cpu,cpuacct__cpu_dot_cfs_period_us": "100000"}
    lines = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"  # a container's own path is not seen inside it
    assert usable_cores(cgroup(tmp_path, lines, **files), allowed=8) == cores


def test_this_machine_can_be_read() -> None:
    assert read_machine().cores >= 1


def test_without_a_gpu_the_cpu_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert cpu_draws(tmp_path, {})
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri/card0").touch()  # a screen without a renderer
    assert cpu_draws(tmp_path, {})
    (tmp_path / "dri/renderD128").touch()
    assert not cpu_draws(tmp_path, {})
    assert cpu_draws(tmp_path, {"LIBGL_ALWAYS_SOFTWARE": "1"})
    assert cpu_draws(tmp_path, {"GALLIUM_DRIVER": "llvmpipe"})
    assert not cpu_draws(tmp_path, {"LIBGL_ALWAYS_SOFTWARE": "0", "GALLIUM_DRIVER": "zink"})
    monkeypatch.setattr("sys.platform", "darwin")
    assert not cpu_draws(tmp_path / "none", {})


def test_what_runs_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("livemusviz.machine.CUDA_BUILDS", ("numpy",))  # a package that is there
    assert cpu_engine(tmp_path), "a CUDA build without a card"
    (tmp_path / "nvidia0").touch()
    assert not cpu_engine(tmp_path)
    monkeypatch.setattr("livemusviz.machine.CUDA_BUILDS", ("no-such-build",))
    assert cpu_engine(tmp_path), "a card without a CUDA build"
    monkeypatch.setattr("sys.platform", "darwin")
    for processor, on_cpu in (("arm64", False), ("x86_64", True)):
        monkeypatch.setattr("platform.machine", lambda processor=processor: processor)
        assert cpu_engine(tmp_path) is on_cpu
