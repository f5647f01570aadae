"""What the bench compares, and what it leaves out. Its keys are in test_pipeline.py."""

import importlib.util
import json
import logging
import math
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from livemusviz.diffusion import bench
from livemusviz.diffusion.convert import convert
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.diffusion.spec import LoraSpec, ModelSpec

Peer = Callable[[ModelSpec], dict[str, Any] | None]


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Peer:
    """A torch that is installed and answers at once."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: SimpleNamespace(stdout='{"backend": "cpu"}\n'))
    return lambda model: bench._torch_peer(model, (64, 64), 1)


CHOICES: dict[str, Callable[[ModelSpec], ModelSpec]] = {
    "--steps": lambda m: replace(m, sampling=Sampling(steps=4)),
    "--timesteps": lambda m: replace(m, sampling=Sampling(timesteps=(800,))),
    "--scheduler": lambda m: replace(m, sampling=Sampling(scheduler="lcm")),
    "--guidance": lambda m: replace(m, guidance="full"),
    "--lora": lambda m: replace(m, loras=(LoraSpec(Path("a.safetensors")),)),
    "--vae": lambda m: replace(m, vae=Path("taesd")),
    "--bits": lambda m: replace(m, bits=8),
}


@pytest.mark.parametrize("flag", CHOICES)
def test_torch_is_left_out_of_what_it_would_not_do(peer: Peer, flag: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert peer(CHOICES[flag](ModelSpec(Path("folder")))) is None
    assert len(caplog.messages) == 1 and caplog.messages[0].endswith(f"without {flag}")


@pytest.mark.parametrize("bits", [None, 16])
def test_torch_runs_the_plain_folder(peer: Peer, bits: int | None) -> None:
    assert peer(ModelSpec(Path("folder"), bits=bits)) == {"backend": "cpu"}


def test_torch_has_as_many_threads_as_we(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    threads = lambda *args, env, **kwargs: SimpleNamespace(stdout=json.dumps({"threads": env["OMP_NUM_THREADS"]}))  # noqa: E731
    monkeypatch.setattr(subprocess, "run", threads)
    assert bench._torch_peer(ModelSpec(Path("folder")), (64, 64), 1, threads=3) == {"threads": "3"}


@pytest.mark.parametrize("bits", [None, 4])
def test_a_packed_folder_is_not_compared_with_itself(tiny_folder: Path, tmp_path: Path, bits: int | None) -> None:
    convert(ModelSpec(tiny_folder, bits=4), tmp_path / "packed")
    figures = bench.run_bench(ModelSpec(tmp_path / "packed", bits=bits), (64, 64), 1, peers=False)
    assert figures["precision"] == {}


def test_equal_pictures_are_valid_json(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "psnr", lambda found, wanted: math.inf)
    rows = bench.run_bench(ModelSpec(tiny_folder), (64, 64), 1, peers=False)["precision"]
    assert [row.get("psnr_db", "16 bit") for row in rows.values()] == ["16 bit", None, None]
    json.dumps(rows, allow_nan=False)
