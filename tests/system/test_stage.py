"""The stage of the whole show: shaders broken and presets spoilt while it runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.shows import LiveShow

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed"),
]


@pytest.fixture
def shows() -> Iterator[list[LiveShow]]:
    running: list[LiveShow] = []
    yield running
    for show in running:
        show.kill()


def test_the_model_is_changed_by_name_and_a_broken_one_is_refused(tmp_path: Path, shows: list[LiveShow]) -> None:
    """F23: what cannot be loaded is told by `/error` and leaves the model that draws."""
    from tests.diffusion.model_folders import TINY_TEXT, TINY_UNET, TINY_VAE, write_model  # mlx, after it is prepared

    for name in ("one", "two", "broken"):
        write_model(tmp_path / "models" / name, TINY_UNET, TINY_VAE, TINY_TEXT)
    (tmp_path / "models" / "broken" / "unet" / "config.json").write_text("{")
    words = ["--input", "nothing", "--size", "64", "--model", str(tmp_path / "models" / "one")]
    show = LiveShow(tmp_path, *words, "--models", str(tmp_path / "models"))
    shows.append(show)
    show.wait_until_drawing()
    show.osc("/model", "s", "two")
    show.wait_for(lambda: "drawing with two" in show.log(), "the second model")
    show.osc("/model", "s", "broken")
    show.wait_for(lambda: "broken/unet/config.json: not readable" in show.log(), "the refusal")
    show.end()
    stats = show.stats()
    assert stats["model"] == "two" and stats["engine_failures"] == 0 and show.log().count("drawing with") == 2
