from pathlib import Path

import pytest

from livemusviz.audio.spec import STATUS_BYTES, AudioSpec, pack_audio_status, unpack_audio_status
from livemusviz.bridge.sound import AudioStatus


@pytest.mark.parametrize("name", ["set.wav", "a/b/Track 01.FLAC", "x.mp3", "clip.mp4", "/tmp/x.ogg"])
def test_a_sound_files_name_means_a_file(name):
    assert AudioSpec(name).file == Path(name)


@pytest.mark.parametrize("name", ["default", "Scarlett 2i2 USB", "hw:1,0", "Built-in Microphone", "gig.monitor"])
def test_other_names_mean_a_device(name):
    assert AudioSpec(name).file is None


def test_an_existing_file_is_one_whatever_its_name(tmp_path):
    path = tmp_path / "take one"
    path.write_bytes(b"RIFF")
    assert AudioSpec(str(path)).file == path
    assert AudioSpec(str(tmp_path)).file is None  # a folder is not


def test_a_status_survives_the_ring():
    status = AudioStatus("running", "Bühne links", 3, 12345, 0, "all is well")
    assert len(pack_audio_status(status)) == STATUS_BYTES
    assert unpack_audio_status(pack_audio_status(status)) == status


@pytest.mark.parametrize("text", ["x" * 10_000, "ü" * 10_000, "\U0001f3b8" * 500, '"' * 5000, "\0" * 5000])
def test_a_status_always_fits(text):
    packed = pack_audio_status(AudioStatus("lost", text, 2**63, 2**63, 2**31, text))
    assert len(packed) == STATUS_BYTES
    assert unpack_audio_status(packed).state == "lost"
