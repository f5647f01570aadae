"""Canvases through shared memory, from this process to another."""

import multiprocessing
from multiprocessing.connection import Connection
from types import SimpleNamespace

import numpy as np
import pytest

from livemusviz.bridge import canvas_ring
from livemusviz.bridge.canvas_ring import CanvasReader, CanvasRing
from livemusviz.bridge.view import CanvasPicture

SIZE = (32, 18)


def grey(level: int, time: float = 0.0) -> CanvasPicture:
    return CanvasPicture(np.full((SIZE[1], SIZE[0], 4), level, np.uint8), time)


@pytest.fixture
def ring():
    made = CanvasRing.create(SIZE)
    yield made
    made.close()


def test_the_newest_picture_is_handed_over_once(ring: CanvasRing) -> None:
    other = CanvasRing.attach(ring.name)
    reader = CanvasReader(other)
    assert reader.newest() is None
    for level in (1, 2, 3):
        ring.write(grey(level, level / 10))
    picture = reader.newest()
    assert picture is not None and picture.time == 0.3 and (picture.pixels == 3).all()
    assert picture.pixels.shape == (18, 32, 4) and reader.dropped == 2
    assert reader.newest() is None
    other.close()


def test_a_copy_stays_as_it_is(ring: CanvasRing) -> None:
    reader = CanvasReader(ring)
    ring.write(grey(7))
    picture = reader.newest()
    for level in range(8, 20):
        ring.write(grey(level))
    assert picture is not None and (picture.pixels == 7).all()


def test_a_picture_that_was_overwritten_is_not_there(ring: CanvasRing) -> None:
    for level in range(1, 8):
        ring.write(grey(level))
    assert ring.read(2) is None and ring.read(7) is not None


def test_a_picture_that_is_being_written_is_left_out(ring: CanvasRing) -> None:
    ring.write(grey(1))
    start = ring._starts[1 % canvas_ring.SLOTS]
    canvas_ring._BEGIN.pack_into(ring._buffer, start, 1 + canvas_ring.SLOTS)  # the writer has come round
    assert ring.read(1) is None


def test_a_picture_of_another_size_is_refused(ring: CanvasRing) -> None:
    with pytest.raises(ValueError, match=r"\(9, 16, 4\)"):
        ring.write(CanvasPicture(np.zeros((9, 16, 4), np.uint8), 0.0))


def test_too_little_shared_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas_ring.os.path, "isdir", lambda path: True)
    monkeypatch.setattr(canvas_ring.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="126 MB of shared memory are needed"):
        CanvasRing.create((3840, 2160))


def read_whole(name: str, pipe: Connection) -> None:
    """Read at full speed until told to end; sends how many pictures were read and how many held two levels."""
    ring = CanvasRing.attach(name)
    reader, read, torn = CanvasReader(ring), 0, 0
    pipe.send("ready")
    while not pipe.poll():
        picture = reader.newest()
        if picture is not None:
            read += 1
            torn += int(picture.pixels.min() != picture.pixels.max())
    pipe.send((read, torn))
    ring.close()


def test_another_process_never_sees_half_a_picture(ring: CanvasRing) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=read_whole, args=(ring.name, theirs), daemon=True)
    process.start()
    assert ours.recv() == "ready"
    for level in range(20_000):
        ring.write(grey(level % 256))
    ours.send("end")
    read, torn = ours.recv()
    process.join(10)
    assert read > 0 and torn == 0
