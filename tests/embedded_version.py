"""Which version of the embedded model the package carries; some tests are about the second one only."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "livemusviz/diffusion/embedded"
SHIPS_SECOND = "encoder_channels" in json.loads((FOLDER / "vae/config.json").read_text())

second_version = pytest.mark.skipif(
    not SHIPS_SECOND, reason="the package still carries the first version; this is about what `make train` makes now"
)
