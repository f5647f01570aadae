"""Receives one NDI sender of this machine for a test, in a process of its own, and writes what came as JSON."""

from __future__ import annotations

import json
import sys
import time

import NDIlib as ndi
import numpy as np

WITHIN = 60.0  # s; a bound, not a target


def receive(name: str, seconds: float) -> dict[str, object]:
    """Find the sender whose name ends with `name` in brackets, and receive that much of both its pictures and sound.

    Raises TimeoutError if none is found.
    """
    ndi.initialize()
    wanted = ndi.FindCreate()
    wanted.extra_ips = "127.0.0.1"  # without a name service on this machine
    finder = ndi.find_create_v2(wanted)
    deadline = time.monotonic() + 20.0
    found: list[object] = []
    while not found:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no sender ({name})")
        ndi.find_wait_for_sources(finder, 500)
        found = [each for each in ndi.find_get_current_sources(finder) if each.ndi_name.endswith(f"({name})")]
    options = ndi.RecvCreateV3()
    options.color_format = ndi.RECV_COLOR_FORMAT_RGBX_RGBA
    receiver = ndi.recv_create_v3(options)
    ndi.recv_connect(receiver, found[0])
    print("connected", file=sys.stderr, flush=True)
    pictures: list[dict[str, object]] = []
    sound: list[np.ndarray] = []
    began: int | None = None
    heard = 0
    end = time.monotonic() + WITHIN
    while time.monotonic() < end and min(len(pictures) / 30, heard / 48_000) < seconds:
        kind, video, audio, _ = ndi.recv_capture_v2(receiver, 200)
        if kind == ndi.FRAME_TYPE_VIDEO:
            pixel = np.array(video.data)[video.yres // 2, video.xres // 2].tolist()
            pictures.append({"size": [video.xres, video.yres], "pixel": pixel, "time": video.timecode / 1e7})
            ndi.recv_free_video_v2(receiver, video)
        elif kind == ndi.FRAME_TYPE_AUDIO:
            began = audio.timecode if began is None else began
            sound.append(np.array(audio.data).T)
            heard += len(sound[-1])
            ndi.recv_free_audio_v2(receiver, audio)
    samples = np.concatenate(sound) if sound else np.zeros((0, 2), np.float32)
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > 0.3)
    first = loud[np.diff(loud, prepend=-48_000) > 12_000]
    clicks = [] if began is None else (began / 1e7 + first / 48_000).tolist()
    return {"pictures": pictures, "samples": len(samples), "clicks": clicks}


if __name__ == "__main__":
    print(json.dumps(receive(sys.argv[1], float(sys.argv[2]))))
