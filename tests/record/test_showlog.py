"""The show log: what is written is read back, and a damaged one goes as far as it can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.errors import UserError
from livemusviz.record.showlog import ShowLog, log_path, read_log

ABOUT = {"size": [256, 256], "canvas": [640, 360], "values": {"prompt": "déjà vu"}}


def written(folder: Path) -> Path:
    show = ShowLog(folder / "set.mp4", 100.0, ABOUT)
    show.line(99.0, {"latents": [16, 16]})
    show.line(101.5, {"walk": [0.25]})
    show.line(102.0, {"values": {"prompt": "red lava", "fade": 3.0}})
    show.line(102.5, {"walk": [0.5]})
    show.close(104.0)
    return log_path(folder / "set.mp4")


def test_what_was_written_is_read_back_in_time_with_the_sound(tmp_path: Path) -> None:
    show = read_log(written(tmp_path))
    assert show.recording == tmp_path / "set.mp4" and show.values == {"prompt": "déjà vu"}
    assert show.changes == ((2.0, {"prompt": "red lava", "fade": 3.0}),)
    assert show.walk == ((1.5, (0.25,)), (2.5, (0.5,))) and show.latents == (16, 16) and show.seconds == 4.0
    lines = [json.loads(line) for line in log_path(tmp_path / "set.mp4").read_text().splitlines()]
    assert lines[1]["sample"] == 0 and lines[3]["sample"] == 2 * SAMPLE_RATE and lines[-1]["end"]


def test_a_change_is_on_the_disk_at_once(tmp_path: Path) -> None:
    show = ShowLog(tmp_path / "set.mp4", 0.0, ABOUT)
    show.line(1.0, {"walk": [1.0]})
    show.line(2.0, {"values": {"prompt": "red lava"}})
    assert len(read_log(log_path(tmp_path / "set.mp4")).changes) == 1
    show.close(3.0)


def test_a_log_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b'"end"') - 20] + b'{"sample": 96000, "val')
    assert len(read_log(path).changes) == 1
    assert "1 lines cannot be read" in caplog.text


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"not json\n",
        b"[1, 2]\n",
        b"\xff\xfe\x00\n",
        b"{}\n",
        b'{"livemusviz": 99, "rate": 48000}\n',
        b'{"livemusviz": 1, "rate": 48000, "recording": "../../etc/passwd", "values": {}}\n',
        b'{"livemusviz": 1, "rate": 48000, "recording": "a.mp4", "values": 3}\n',
        b"[" * 100_000,
    ],
)
def test_what_is_no_log_is_told(first: bytes, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(first)
    with pytest.raises(UserError, match="set.jsonl") as caught:
        read_log(path)
    assert "\n" not in str(caught.value)


def test_lines_out_of_turn_are_put_in_order(tmp_path: Path) -> None:
    show = ShowLog(tmp_path / "set.mp4", 0.0, ABOUT)
    for time, what in ((2.0, {"walk": [2.0]}), (1.999, {"values": {"prompt": "red lava"}}), (1.0, {"walk": [1.0]})):
        show.line(time, what)
    show.close(3.0)
    read = read_log(log_path(tmp_path / "set.mp4"))
    assert len(read.changes) == 1 and [time for time, _ in read.walk] == [1.0, 2.0]


def test_absurd_lines_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path)
    lines = ['{"sample": -5, "walk": [1]}', '{"sample": "x"}', '{"sample": 1e9, "walk": [1]}', "3", '{"sample": true}']
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    assert len(read_log(path).walk) == 2
    with pytest.raises(UserError, match="cannot read"):
        read_log(tmp_path / "none.jsonl")
