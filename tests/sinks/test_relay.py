"""One encoder for recorder and stream: the stream sends the recorder's pictures while there are some."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer

from demo.measure import read_film
from livemusviz.bridge.packets import EncodedPicture, PacketRing
from livemusviz.bridge.view import CanvasPicture
from livemusviz.record.encoder import LiveEncoder
from livemusviz.record.settings import EncoderSettings
from livemusviz.record.timed import TimedEncoder
from livemusviz.sinks.stream import StreamSink, open_container, stream_settings
from tests.sinks.feeding import FPS, SIZE, START, click_times, feed, flashes, flat, offsets, wiring

SECONDS, BEGIN, END = 6.0, 1.72, 3.91  # s of the stream; the recording in it


@pytest.fixture
def packets() -> Iterator[PacketRing]:
    ring = PacketRing()
    yield ring
    ring.close()


class Rig:
    """A stream into a file, and a recorder beside it from `BEGIN` to `END` s."""

    def __init__(self, kind: str, folder: Path, packets: PacketRing, limit: int | None = None) -> None:
        self.path = folder / f"stream.{kind}"
        url = {"flv": "rtmp://127.0.0.1/live/key", "mpegts": "udp://127.0.0.1:9000"}[kind]
        self.wiring = replace(wiring(f"stream:{url}"), packets=packets.name)
        self.sink = StreamSink(self.wiring, self.container)
        self.packets, self.kind, self.folder = packets, kind, folder
        self.limit = stream_settings(self.wiring).bit_rate if limit is None else limit
        self.recorder: TimedEncoder | None = None
        self.lost = (0.0, 0.0)  # s, in which the recorder's pictures do not come through

    def container(self, url: str, kind: str) -> OutputContainer:
        return open_container(str(self.path), kind)

    def run(self) -> None:
        send = self.sink.send

        def both(picture: CanvasPicture, now: float) -> None:
            at = picture.time - START
            if self.recorder is None and BEGIN <= at < END:
                self.record(picture.time)
            if self.recorder is not None:
                self.recorder.picture(picture, now)
                if at >= END:
                    self.recorder.finish(picture.time)
                    self.packets.write(EncodedPicture(b"", b"", False, picture.time))
                    self.recorder = None
            send(picture, now)

        self.sink.send = both  # type: ignore[method-assign]
        feed(self.sink, SECONDS)

    def record(self, start: float) -> None:
        settings = EncoderSettings(*SIZE, FPS, effort=self.wiring.effort, bit_rate=self.limit)
        encoder = LiveEncoder(self.folder / "recording.mp4", settings)

        def share(picture: EncodedPicture) -> None:
            if not self.lost[0] <= start + picture.time - START < self.lost[1]:
                self.packets.write(replace(picture, time=start + picture.time))
            else:
                self.packets._packets += 1

        encoder.on_packet = share
        self.recorder = TimedEncoder(encoder, start, FPS, SIZE)

    def check_stream(self) -> None:
        """Every picture is there once, in its place, and flashes with its click."""
        film = read_film(self.path)
        assert film.codecs == ("h264", "aac")
        steps = np.diff(film.times)
        assert steps.min() > 0.01 and steps.max() < 2.6 / FPS, (steps.min(), steps.max())
        lit, heard = flashes(film.pictures, film.times), click_times(film.sound)
        assert len(lit) == len(heard) == 6
        assert np.abs(offsets(lit, heard)).max() < 0.04


@pytest.mark.parametrize("kind", ["flv", "mpegts"])
def test_the_stream_sends_the_recorders_pictures_while_it_records(
    kind: str, tmp_path: Path, packets: PacketRing
) -> None:
    rig = Rig(kind, tmp_path, packets)
    rig.run()
    rig.check_stream()
    own = rig.sink.encoded / FPS
    assert own == pytest.approx(SECONDS - (END - BEGIN) + 0.3, abs=0.3), "a key frame comes every 0.5 s"
    recording = read_film(tmp_path / "recording.mp4")
    assert recording.seconds == pytest.approx(END - BEGIN, abs=0.1)


def test_a_missed_picture_ends_it_until_the_next_key_frame(tmp_path: Path, packets: PacketRing) -> None:
    rig = Rig("mpegts", tmp_path, packets)
    rig.lost = (2.9, 3.0)
    rig.run()
    rig.check_stream()


def test_pictures_of_a_higher_bit_rate_are_not_sent(tmp_path: Path, packets: PacketRing) -> None:
    rig = Rig("flv", tmp_path, packets, limit=8_000_000)
    rig.run()
    rig.check_stream()
    assert rig.sink.encoded >= SECONDS * FPS - 2


def test_both_encoders_have_one_header(tmp_path: Path) -> None:
    found = []
    for name, settings in (
        ("recording.mp4", EncoderSettings(*SIZE, FPS, bit_rate=500_000)),
        ("stream.mp4", EncoderSettings(*SIZE, FPS, bit_rate=500_000, key_period=2.0)),
    ):
        encoder = LiveEncoder(tmp_path / name, settings)
        encoder.video(flat(0), 0)
        found.append(encoder.header)
        encoder.close()
    assert found[0] == found[1] != b""
    with av.open(str(tmp_path / "stream.mp4")) as container:
        assert container.streams.video
