"""NDI with its own runtime: a sender of another process on this machine, received as a show receives it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time

import numpy as np
import pytest

from livemusviz.sources.senders import read_sender, sender_names
from livemusviz.sources.spec import PictureSpec
from tests.sources.test_senders import is_quarter

if importlib.util.find_spec("NDIlib") is None:
    pytest.skip("ndi-python is not installed: pip install 'livemusviz[ndi]'", allow_module_level=True)

SENDER = """
import sys, time
import NDIlib as ndi
import numpy as np
from tests.sources.clips import quarter

assert ndi.initialize()
options = ndi.SendCreate()
options.ndi_name = sys.argv[1]
sender = ndi.send_create(options)
frame = ndi.VideoFrameV2()
picture = quarter((128, 128))[..., ::-1]
frame.data = np.ascontiguousarray(np.concatenate([picture, np.full((128, 128, 1), 255, np.uint8)], axis=2))
frame.FourCC = ndi.FOURCC_VIDEO_TYPE_BGRX
while True:
    ndi.send_send_video_v2(sender, frame)
    time.sleep(1 / 30)
"""


def test_the_pixels_of_another_program() -> None:
    sender = subprocess.Popen([sys.executable, "-c", SENDER, "Quarters"])
    try:
        pictures = read_sender(PictureSpec("ndi", "quarters"), (64, 64), time.perf_counter, time.sleep)
        found = [picture for _, picture in zip(range(400), pictures, strict=False) if picture is not None]
        assert len(found) > 3 and is_quarter(found[-1]) and found[-1].dtype == np.uint8
        assert any("Quarters" in name for name in sender_names("ndi", 2.0))
    finally:
        sender.kill()
        sender.wait(10)
