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
    show.line(102.2, {"problem": "striped pattern"})
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


def test_the_log_of_another_recording_is_never_written_over(tmp_path: Path) -> None:
    """A film was renamed after the first take: its log still stands there."""
    first = written(tmp_path).read_bytes()
    with pytest.raises(OSError, match="exists"):
        ShowLog(tmp_path / "set.mp4", 0.0, ABOUT)
    assert log_path(tmp_path / "set.mp4").read_bytes() == first


def test_a_film_renamed_with_its_log_is_found(tmp_path: Path) -> None:
    written(tmp_path).rename(tmp_path / "friday.jsonl")
    assert read_log(tmp_path / "friday.jsonl").recording == tmp_path / "set.mp4"
    (tmp_path / "set.mp4").touch()  # by now another take
    (tmp_path / "friday.mp4").touch()
    assert read_log(tmp_path / "friday.jsonl").recording == tmp_path / "friday.mp4"


@pytest.mark.parametrize("text", ["\ud800 x", "caf\udce9", "\x00\x1b"])
def test_text_that_is_no_utf8_is_written_escaped_and_read_back(text: str, tmp_path: Path) -> None:
    show = ShowLog(tmp_path / "set.mp4", 0.0, ABOUT | {"values": {"prompt": text}})
    show.line(1.0, {"values": {"prompt": text}})
    show.close(2.0)
    read = read_log(log_path(tmp_path / "set.mp4"))
    assert read.values == {"prompt": text} and read.changes == ((1.0, {"prompt": text}),)


def test_a_line_that_is_no_json_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    endless: list[object] = []
    endless.append(endless)
    show = ShowLog(tmp_path / "set.mp4", 0.0, ABOUT)
    show.line(1.0, {"values": {"cue_list": endless}})
    show.line(1.5, {"values": {("a", 1): 2}})
    show.line(2.0, {"values": {"prompt": "lava"}})
    show.close(3.0)
    assert read_log(log_path(tmp_path / "set.mp4")).changes == ((2.0, {"prompt": "lava"}),)
    assert [record.getMessage()[:34] for record in caplog.records] == [
        "show log: a line is left out: Circ",
        "show log: a line is left out: keys",
    ]


def test_lines_out_of_turn_are_put_in_order(tmp_path: Path) -> None:
    show = ShowLog(tmp_path / "set.mp4", 0.0, ABOUT)
    for time, what in ((2.0, {"walk": [2.0]}), (1.999, {"values": {"prompt": "red lava"}}), (1.0, {"walk": [1.0]})):
        show.line(time, what)
    show.close(3.0)
    read = read_log(log_path(tmp_path / "set.mp4"))
    assert len(read.changes) == 1 and [time for time, _ in read.walk] == [1.0, 2.0]


def test_absurd_lines_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path)
    lines = [
        f'{{"sample": 1, "walk": [{n}]}}' for n in ("NaN", "Infinity", "1e999", "1" + "0" * 400, "9" * 5000, "1e30")
    ]
    lines += ['{"sample": 1, "latents": [1000000, 1000000]}', '{"sample": 1, "values": {"seed": 1%s}}' % ("0" * 400)]
    lines += ['{"sample": -5, "walk": [1]}', '{"sample": "x"}', '{"sample": 1e9, "walk": [1]}', "3", '{"sample": true}']
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    read = read_log(path)
    assert len(read.walk) == 2 and len(read.changes) == 1 and max(read.latents, default=0) <= 16
    with pytest.raises(UserError, match="cannot read"):
        read_log(tmp_path / "none.jsonl")
