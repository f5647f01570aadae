"""Prepares MLX once, before anything imports it, and keeps the model folders that several tests share.

LIVEMUSVIZ_TEST_DEVICE=gpu puts the tests on MLX's GPU, still in fp32: for `pytest -m parity`, with MLX_ENABLE_TF32=0.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livemusviz.diffusion import backend

ON_GPU = os.environ.get("LIVEMUSVIZ_TEST_DEVICE") == "gpu"
backend.prepare_backend(None if ON_GPU else "cpu")

from livemusviz.diffusion import model  # noqa: E402
from tests.diffusion.model_folders import (  # noqa: E402
    EMBEDDED_TEXT,
    EMBEDDED_UNET,
    EMBEDDED_VAE,
    TINY_TEXT,
    TINY_UNET,
    TINY_VAE,
    write_model,
)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model's kind at a fraction of its width."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny", TINY_UNET, TINY_VAE, TINY_TEXT)


@pytest.fixture(scope="session")
def embedded_like_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model's very configs, with random weights."""
    return write_model(tmp_path_factory.mktemp("models") / "embedded-like", EMBEDDED_UNET, EMBEDDED_VAE, EMBEDDED_TEXT)


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    """torch's threads wait for each other by spinning; the small networks of the tests are no work for two."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session", autouse=ON_GPU)
def full_precision() -> Iterator[None]:
    """On a GPU a model's weights would be float16, too coarse to tell a mistake from rounding."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "backend_name", lambda: "cpu")
        yield
