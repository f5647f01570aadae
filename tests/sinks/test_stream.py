"""Streams as a player decodes them."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer

from demo.measure import read_film
from livemusviz.errors import UserError
from livemusviz.record.encoder import ContainerEncoder
from livemusviz.sinks.stream import StreamSink, open_container, stream_settings
from tests.sinks.feeding import click_times, feed, flashes, offsets, wiring


def test_flash_and_click_are_together_in_an_hls_stream(tmp_path: Path) -> None:
    sink = StreamSink(wiring(f"stream:{tmp_path}/show.m3u8"))
    feed(sink, 5.0)
    film = read_film(tmp_path / "show.m3u8")
    assert film.codecs == ("h264", "aac") and film.size == (160, 90) and 149 <= sink.encoded <= 150
    lit, heard = flashes(film.pictures, film.times), click_times(film.sound)
    assert len(lit) == len(heard) == 5
    assert np.abs(offsets(lit, heard)).max() < 0.04


def test_a_key_frame_comes_every_2_s(tmp_path: Path) -> None:
    feed(StreamSink(wiring(f"stream:{tmp_path}/show.m3u8")), 5.0)
    with av.open(str(tmp_path / "show.m3u8")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
    keys = [float(packet.pts * packet.time_base) for packet in packets if packet.is_keyframe]
    assert np.diff(keys) == pytest.approx([2.0, 2.0], abs=0.01)


@pytest.mark.parametrize("kind", ["flv", "mpegts"])
def test_the_other_containers_hold_the_same(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"show.{kind}"

    def to_file(url: str, found: str) -> OutputContainer:
        assert found == kind
        return open_container(str(path), kind)

    url = {"flv": "rtmp://127.0.0.1/live/key", "mpegts": "udp://127.0.0.1:9000"}[kind]
    feed(StreamSink(wiring(f"stream:{url}"), to_file), 2.5)
    film = read_film(path)
    assert film.codecs == ("h264", "aac")
    assert np.abs(offsets(flashes(film.pictures, film.times), click_times(film.sound))).max() < 0.04


def test_without_sound_there_is_silence(tmp_path: Path) -> None:
    sink = StreamSink(wiring(f"stream:{tmp_path}/show.m3u8"))
    sink.hear, hear = (lambda blocks, now: hear([], now)), sink.hear  # type: ignore[method-assign]
    feed(sink, 3.0)
    film = read_film(tmp_path / "show.m3u8")
    assert len(film.sound) / 48_000 == pytest.approx(film.seconds, abs=0.5) and not film.sound.any()


def test_the_bit_rate_follows_the_canvas_or_the_wish() -> None:
    assert stream_settings(wiring("stream:udp://127.0.0.1:1", (1280, 720))).bit_rate == 4_147_000
    assert stream_settings(wiring("stream:udp://127.0.0.1:1", (160, 90))).bit_rate == 500_000
    assert stream_settings(wiring("stream:udp://127.0.0.1:1,bitrate=2500")).bit_rate == 2_500_000


def test_a_server_that_refuses_is_told_without_the_key() -> None:
    sink = StreamSink(wiring("stream:rtmp://127.0.0.1:9/live/secret"))
    with pytest.raises(OSError, match="refused") as caught:
        sink.open(0.0)
    assert "secret" not in str(caught.value) and "rtmp://127.0.0.1:9/live/..." in str(caught.value)
    sink.close()


def test_a_server_that_refuses_by_http_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(encoder: ContainerEncoder) -> None:
        raise av.error.HTTPForbiddenError(403, "Server returned 403 Forbidden", "https://127.0.0.1/app/secret")

    monkeypatch.setattr(ContainerEncoder, "begin", refuse)
    sink = StreamSink(wiring("stream:https://127.0.0.1/app/secret"))
    with pytest.raises(OSError, match=r"127.0.0.1/app/\.\.\.: Server returned 403 Forbidden") as caught:
        sink.open(0.0)
    assert "secret" not in str(caught.value)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        StreamSink(wiring(f"stream:{tmp_path}/none/show.m3u8")).open(0.0)


def test_what_this_ffmpeg_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "formats_available", {"flv"})
    with pytest.raises(UserError, match="has no whip"):
        StreamSink(wiring("stream:https://127.0.0.1/whip/stage")).open(0.0)
