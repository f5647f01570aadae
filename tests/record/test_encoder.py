"""The file itself, decoded with PyAV."""

from pathlib import Path

import av
import numpy as np
import pytest

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.record.encoder import LiveEncoder, choose_codec
from livemusviz.record.settings import Effort, EncoderSettings

WIDTH, HEIGHT = 160, 90


def flat(red: int, green: int, blue: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return np.full((height, width, 4), (red, green, blue, 255), np.uint8)


def encoder(path: Path, width: int = WIDTH, height: int = HEIGHT) -> LiveEncoder:
    return LiveEncoder(path, EncoderSettings(width, height, codecs=("libx264",)))


@pytest.mark.parametrize("name", ["21:30.mp4", "Re: set.mkv"])
def test_a_recording_is_a_file_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """FFmpeg would take what stands before a colon for a protocol."""
    monkeypatch.chdir(tmp_path)
    writer = encoder(Path(name))
    for slot in range(3):
        writer.video(flat(9, 9, 9), slot)
    writer.close()
    with av.open(str(tmp_path / name)) as file:
        assert len(list(file.decode(video=0))) == 3


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (40, 40, 40), (210, 120, 30)]
)
def test_colours_survive_and_are_tagged_bt709(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    writer = encoder(tmp_path / "c.mp4")
    for slot in range(3):
        writer.video(flat(*colour), slot)
    writer.close()
    with av.open(str(tmp_path / "c.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        frame = next(file.decode(video=0))
        seen = frame.reformat(format="rgb24", src_colorspace="itu709").to_ndarray()[HEIGHT // 2, WIDTH // 2]
    np.testing.assert_allclose(seen.astype(int), colour, atol=4)


def test_flash_and_click_meet_and_both_streams_start_at_zero(tmp_path: Path) -> None:
    writer = encoder(tmp_path / "f.mp4")
    sound = np.zeros((SAMPLE_RATE * 4, 2), np.float32)
    for second in (1, 2, 3):
        sound[second * SAMPLE_RATE : second * SAMPLE_RATE + 48] = 0.9
    for slot in range(120):
        writer.video(flat(*(255,) * 3) if slot in (30, 60, 90) else flat(0, 0, 0), slot)
        writer.audio(sound[slot * 1600 : (slot + 1) * 1600])
    writer.close()
    times, brightness, heard = decode(tmp_path / "f.mp4")
    assert len(times) == 120 and times[0] == 0.0
    flashes = [time for time, level in zip(times, brightness, strict=True) if level > 128]
    clicks = [(np.argmax(np.abs(heard[(n - 1) * 48000 + 24000 :]) > 0.3) + 24000) / 48000 + n - 1 for n in (1, 2, 3)]
    np.testing.assert_allclose(flashes, [1.0, 2.0, 3.0], atol=1e-6)
    np.testing.assert_allclose(clicks, flashes, atol=0.002)


def test_odd_sizes_other_sizes_and_wild_samples_are_taken(tmp_path: Path) -> None:
    writer = encoder(tmp_path / "o.mp4", 161, 91)
    writer.video(flat(9, 9, 9, 161, 91), 0)
    writer.video(flat(9, 9, 9, 321, 77), 1)
    writer.audio(np.array([[np.nan, np.inf], [-np.inf, 1e9]] * 1024, np.float32))
    writer.close()
    with av.open(str(tmp_path / "o.mp4")) as file:
        assert [(f.width, f.height) for f in file.decode(video=0)] == [(160, 90)] * 2


def test_an_encoder_that_does_not_open_is_passed_over() -> None:
    settings = EncoderSettings(WIDTH, HEIGHT, codecs=("no_such_encoder", "libx264"))
    assert choose_codec(settings) == "libx264"
    with pytest.raises(OSError, match="no H.264 encoder"):
        choose_codec(EncoderSettings(WIDTH, HEIGHT, codecs=("no_such_encoder",)))


def test_the_file_is_readable_while_it_is_written(tmp_path: Path) -> None:
    writer = encoder(tmp_path / "w.mp4")
    for slot in range(100):
        writer.video(flat(slot, 0, 0), slot)
        writer.audio(np.zeros((1600, 2), np.float32))
    half_way = tmp_path / "half.mp4"
    half_way.write_bytes((tmp_path / "w.mp4").read_bytes())
    writer.close()
    assert len(decode(half_way)[0]) >= 60


def decode(path: Path) -> tuple[list[float], list[float], np.ndarray]:
    """Times (s) and mean brightness of the pictures, and the left channel."""
    with av.open(str(path)) as file:
        frames = [(float(f.time or 0.0), float(f.to_ndarray(format="gray").mean())) for f in file.decode(video=0)]
    with av.open(str(path)) as file:
        sound = [f.to_ndarray()[0] for f in file.decode(audio=0)]
    return [t for t, _ in frames], [b for _, b in frames], np.concatenate(sound) if sound else np.zeros(0)


def test_more_effort_makes_a_smaller_file(tmp_path: Path) -> None:
    sizes = []
    for preset, threads in (("ultrafast", 1), ("veryfast", 2)):
        settings = EncoderSettings(WIDTH, HEIGHT, codecs=("libx264",), effort=Effort(threads, preset))
        writer = LiveEncoder(tmp_path / f"{preset}.mp4", settings)
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
        for slot in range(30):
            waves = 127 + 120 * np.sin((x + 3 * slot) / 9) * np.cos((y - slot) / 7)
            writer.video(np.repeat(waves[..., None], 4, axis=2).astype(np.uint8), slot)
        writer.close()
        sizes.append((tmp_path / f"{preset}.mp4").stat().st_size)
    assert sizes[1] < 0.8 * sizes[0]
