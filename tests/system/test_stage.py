"""The stage of the whole show: shaders broken and presets spoilt while it runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

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
