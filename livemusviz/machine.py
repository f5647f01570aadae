"""Reads what a budget of cores is decided from. Reads files, the environment and package names; opens nothing.

Everything that is read can be passed in, so that a test gives another machine's. Any thread.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from livemusviz.budget import Machine

GRAPHICS_DEVICES = ("dri/renderD*", "nvidia[0-9]*", "dxg")  # under /dev, where a Linux kernel drives a GPU
SOFTWARE_DRIVERS = ("llvmpipe", "softpipe", "swrast")
CUDA_BUILDS = ("mlx-cuda-13", "mlx-cuda-12")


def read_machine() -> Machine:
    """Return the machine that this process may use."""
    return Machine(cores=usable_cores(), cpu_draws=cpu_draws(), cpu_engine=cpu_engine())


def usable_cores(root: Path = Path("/"), allowed: int | None = None) -> int:
    """Return how many cores this process may keep busy: the smaller of its affinity and its cgroup's quota, at least 1.

    root : where `proc` and `sys` are.  allowed : cores by affinity; None asks the system.
    """
    if allowed is None:
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(allowed, cgroup_quota(root))))


def cgroup_quota(root: Path = Path("/")) -> float:
    """Return the CPU quota of this process's cgroup and of those above it, in cores; infinite where there is none."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return math.inf
    mounts = root / "sys/fs/cgroup"
    quota = math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            quota = min(quota, *(_quota_v2(mounts / folder) for folder in _upwards(path)))
        elif "cpu" in controllers.split(","):
            folders = [mounts / name / folder for name in (controllers, "cpu") for folder in _upwards(path)]
            quota = min(quota, *map(_quota_v1, folders))
    return quota


def _upwards(path: str) -> list[Path]:
    """Return a cgroup's folder and all above it. In a container the path may lie outside: then only the root exists."""
    folder = Path(path.lstrip("/"))
    return [folder, *folder.parents]


def _quota_v2(folder: Path) -> float:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return math.inf
    return math.inf if quota == "max" else int(quota) / int(period)


def _quota_v1(folder: Path) -> float:
    try:
        quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    except (OSError, ValueError):
        return math.inf
    return quota / period if quota > 0 and period > 0 else math.inf


def cpu_draws(devices: Path = Path("/dev"), environment: Mapping[str, str] = os.environ) -> bool:
    """Return True if OpenGL runs in software: on Linux without a GPU device, or where Mesa is set to it."""
    if sys.platform != "linux":
        return False
    if environment.get("LIBGL_ALWAYS_SOFTWARE", "0").lower() not in ("0", "", "false"):
        return True
    if environment.get("GALLIUM_DRIVER", "") in SOFTWARE_DRIVERS:
        return True
    return not any(any(devices.glob(name)) for name in GRAPHICS_DEVICES)


def cpu_engine(devices: Path = Path("/dev")) -> bool:
    """Return True if MLX will compute on the CPU, without importing it: no Apple GPU and no CUDA build with a card."""
    if sys.platform == "darwin":
        return platform.machine() != "arm64"
    return not (any(devices.glob("nvidia[0-9]*")) and _has_cuda_build())


def _has_cuda_build() -> bool:
    from importlib.metadata import PackageNotFoundError, distribution

    for name in CUDA_BUILDS:
        try:
            distribution(name)
        except PackageNotFoundError:
            continue
        return True
    return False
