"""Prepares MLX once, before anything imports it, and keeps the model folders that several tests share."""

from pathlib import Path

import pytest

from livemusviz.diffusion import backend

backend.prepare("cpu")

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
