"""The body of a sources' process: reads one source until it is lost or the show is gone. Its only thread.

In: a `SourceWiring`. Out: pictures in the ring, the newest last, and messages. The show starts another process.
"""

from __future__ import annotations

import multiprocessing
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from livemusviz.bridge.ring import SharedRing
from livemusviz.errors import UserError
from livemusviz.sources.capture import PictureCapture
from livemusviz.sources.clip import Clip
from livemusviz.sources.devices import cameras, find_device, screens
from livemusviz.sources.protocol import ALIVE, LOST, PICTURE, SourceWiring, pack_picture
from livemusviz.sources.reader import BREATH, Pictures
from livemusviz.sources.senders import read_sender
from livemusviz.sources.still import read_still


def run(wiring: SourceWiring) -> None:
    """Read until the source is lost. Its reason is told by the pipe."""
    with ExitStack() as stack:
        ring = SharedRing.attach(wiring.ring)
        stack.callback(ring.close)
        with suppress(OSError):  # the show is gone
            try:
                deliver(open_pictures(wiring), ring, wiring)
            except UserError as error:
                wiring.pipe.send((LOST, str(error)))


def open_pictures(wiring: SourceWiring) -> Pictures:
    """Return the pictures of a source. UserError while they are read."""
    spec, size, resume = wiring.spec, wiring.size, wiring.resume
    clock, sleep = time.perf_counter, time.sleep
    match spec.kind:
        case "still":
            return _still(Path(spec.name), size)
        case "video":
            return Clip(Path(spec.name), size, clock, sleep).play(resume)
        case "camera":
            return PictureCapture(find_device(spec, cameras(ours=wiring.ours)), size, clock, sleep).read()
        case "screen":
            return PictureCapture(find_device(spec, screens()), size, clock, sleep).read()
    return read_sender(spec, size, clock, sleep, wiring.ours)


def deliver(pictures: Pictures, ring: SharedRing, wiring: SourceWiring) -> None:
    """Write pictures into the ring until they end or the show is gone; tell of each, else now and then of life."""
    parent = multiprocessing.parent_process()
    told = float("-inf")
    for pixels in pictures:
        now = time.perf_counter()
        if pixels is not None:
            ring.write(pack_picture(pixels, now))
            wiring.pipe.send((PICTURE, ""))
            told = now
        elif now - told > BREATH:
            wiring.pipe.send((ALIVE, ""))
            told = now
        if parent is not None and not parent.is_alive():
            return


def _still(path: Path, size: tuple[int, int]) -> Pictures:
    yield read_still(path, size)
    while True:
        time.sleep(BREATH)
        yield None
