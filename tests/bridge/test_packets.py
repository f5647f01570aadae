"""Encoded pictures of any size through a ring, and what a reader makes of a gap."""

from collections.abc import Iterator

import numpy as np
import pytest

from livemusviz.bridge.packets import CHUNK, SLOTS, EncodedPicture, PacketReader, PacketRing


@pytest.fixture
def ends() -> Iterator[tuple[PacketRing, PacketReader]]:
    ring = PacketRing()
    reader = PacketReader(ring.name)
    yield ring, reader
    reader.close()
    ring.close()


def picture(size: int, key: bool = False, time: float = 0.0) -> EncodedPicture:
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes()
    return EncodedPicture(data, b"\0\0\0\1header", key, time, 4_000_000)


def test_pictures_of_any_size_arrive_whole(ends: tuple[PacketRing, PacketReader]) -> None:
    ring, reader = ends
    sent = [picture(size, key=size == 1, time=size / 7) for size in (1, CHUNK - 11, CHUNK, 5 * CHUNK + 3)]
    for each in sent:
        ring.write(each)
    assert reader.read() == sent and reader.read() == [] and not reader.gap


def test_a_reader_begins_at_a_key_frame(ends: tuple[PacketRing, PacketReader]) -> None:
    ring, reader = ends
    sent = [picture(10), picture(20), picture(30, key=True), picture(40)]
    for each in sent:
        ring.write(each)
    assert reader.read() == sent[2:]


def test_after_a_gap_it_goes_on_at_the_next_key_frame(ends: tuple[PacketRing, PacketReader]) -> None:
    ring, reader = ends
    ring.write(picture(1, key=True))
    assert len(reader.read()) == 1
    for _ in range(SLOTS // 2 + 10):
        ring.write(picture(CHUNK + 1))  # two slots each: the oldest are written over
    assert reader.read() == [] and reader.gap
    ring.write(picture(2, key=True))
    ring.write(picture(3))
    assert len(reader.read()) == 2 and not reader.gap


def test_a_picture_too_large_for_the_ring_is_a_gap(ends: tuple[PacketRing, PacketReader]) -> None:
    ring, reader = ends
    ring.write(picture(1, key=True))
    ring.write(picture(CHUNK * SLOTS // 2))
    ring.write(picture(2))
    assert len(reader.read()) == 1 and reader.gap
