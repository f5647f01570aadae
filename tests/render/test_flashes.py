"""`render --check-flashes`: films of strobes, by our count and by EA IRIS's; its exit status and its text."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from livemusviz.cli import main
from livemusviz.display.flash_count import FlashCounter
from livemusviz.display.flash_samples import mean_of_cells, sample_light
from livemusviz.record.readback import read_pictures
from tests import iris
from tests.tracks import clicks

FPS = 30
WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)


def strobe(first, second, hertz, seconds, box=(0, 90, 0, 160)):
    """Pictures, uint8 (90, 160, 3): grey, and in a box (top, bottom, left, right) two colours by turns."""
    pictures = []
    for i in range(round(seconds * FPS)):
        picture = np.full((90, 160, 3), 60, np.uint8)
        picture[box[0] : box[1], box[2] : box[3]] = first if i / FPS * hertz % 1.0 < 0.5 else second
        pictures.append(picture)
    return pictures


def write_film(path, pictures):
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", FPS, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv420p"
        for picture in pictures:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        file.mux(stream.encode(None))
    return path


def counted(pictures):
    counter = FlashCounter()
    for i, picture in enumerate(pictures):
        counter.add(i / FPS, picture)
    return counter.report()


def judged(pictures):
    """Return whether EA IRIS lets a film pass, of luminance and of red."""
    tracker = iris.watch(pictures, FPS, pictures[0].shape[:2]).transition_tracker
    return tuple(
        not (each.flash_fail or each.extended_fail) for each in (tracker.luminance_results, tracker.red_results)
    )


@pytest.mark.parametrize("pair", [(WHITE, BLACK), (RED, BLACK), (RED, BLUE)])
@pytest.mark.parametrize("hertz", [1.0, 2.5, 5.0])
def test_we_judge_full_screen_strobes_as_iris_does(pair, hertz):
    pictures = strobe(*pair, hertz, 8.0)
    report = counted(pictures)
    assert (report.luminance.passes, report.red.passes) == judged(pictures)


def test_transitions_and_their_time_are_counted():
    still, quick = strobe(WHITE, BLACK, 0.0, 4.0), strobe(WHITE, BLACK, 5.0, 2.0)
    report = counted(still + quick + still)
    assert report.luminance.canvas.amount == 10 and 4.9 < report.luminance.canvas.at < 6.0
    assert report.worst[0].at == pytest.approx(report.luminance.canvas.at, abs=0.2)
    assert report.red.canvas.amount == 0 and not report.passes
    assert report.pictures == 300 and report.seconds == pytest.approx(299 / 30)


def test_three_flashes_in_a_second_pass_and_a_fourth_fails():
    def film(flashes):
        return sum(([np.full((90, 160, 3), level, np.uint8)] * 4 for level in [0, 255] * flashes), [])

    still = strobe(BLACK, BLACK, 0.0, 1.0)
    assert counted(still + film(3) + still).passes
    assert not counted(still + film(4) + still).passes


def test_a_ninth_of_the_screen_counts_and_a_twentieth_does_not():
    ninth = counted(strobe(WHITE, BLACK, 8.0, 3.0, box=(31, 58, 54, 105)))  # 0.09 of the whole
    assert ninth.luminance.windows.amount == 8 and ninth.luminance.canvas.amount == 0 and not ninth.passes
    speck = counted(strobe(WHITE, BLACK, 8.0, 3.0, box=(40, 50, 70, 83)))
    assert speck.passes


def test_bright_flicker_is_no_flash():
    bright = [np.full((90, 160, 3), (235, 255)[i % 2], np.uint8) for i in range(90)]
    assert counted(bright).passes


def test_cells_are_means_of_linear_light():
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:10, :] = (255, 0, 0)  # the first row of cells
    cells = mean_of_cells(sample_light(picture))
    assert cells.shape == (9, 12, 4)
    assert cells[0, :, 0] == pytest.approx(1.0) and cells[0, :, 3] == pytest.approx(1.0)
    assert cells[1:].max() == 0.0
    grey = mean_of_cells(sample_light(np.full((16, 16, 4), 188, np.uint8)))
    assert grey[..., :3] == pytest.approx(0.5, abs=0.01)


def test_a_film_that_is_there_is_checked(tmp_path, capsys):
    film = write_film(tmp_path / "strobe.mp4", strobe(RED, BLUE, 8.0, 2.0))
    assert main(["render", "--check-flashes", str(film), "--stats", str(tmp_path / "stats.json")]) == 3
    said = capsys.readouterr().out
    assert "flashes: FAIL (60 pictures" in said and "seconds with most transitions begin at 0:00." in said
    figures = json.loads((tmp_path / "stats.json").read_text())["flashes"]
    assert not figures["passes"] and figures["red"]["canvas"]["amount"] > 6
    calm = write_film(tmp_path / "calm.mp4", strobe(WHITE, BLACK, 1.0, 2.0))
    assert main(["render", "--check-flashes", str(calm)]) == 0
    assert "flashes: pass" in capsys.readouterr().out


def test_a_render_is_checked_at_its_end(tmp_path, capsys):
    clicks(tmp_path / "track.wav", 1.0)
    words = ["render", str(tmp_path / "track.wav"), "-o", str(tmp_path / "film.mp4"), "--check-flashes"]
    words += ["--size", "64", "--canvas", "160x96", "--stats", str(tmp_path / "stats.json")]
    assert main(words) == 0
    assert "film.mp4: flashes: pass (30 pictures" in capsys.readouterr().out
    assert json.loads((tmp_path / "stats.json").read_text())["flashes"]["passes"] is True


@pytest.fixture
def flashing(tmp_path, monkeypatch):
    """Write presets that strobe at 8 Hz, one of which turns the limiter off; returns the words of a render."""
    folder = tmp_path / "livemusviz" / "presets"
    folder.mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    look = 'version = 1\nchain = ["strobe_test"]\n[fx.strobe_test]\nhertz = 8.0\noff = [0.0, 0.0, 0.0, 1.0]\n'
    (folder / "flashing.toml").write_text(look)
    (folder / "unlimited.toml").write_text(look + '[params]\nflash_limit = "off"\n')
    clicks(tmp_path / "track.wav", 2.0)
    shaders = Path(__file__).parents[1] / "display" / "shaders"
    words = ["render", str(tmp_path / "track.wav"), "-o", str(tmp_path / "film.mp4"), "--check-flashes"]
    return [*words, "--size", "64", "--canvas", "160x96", "--engine-fps", "2", "--shaders", str(shaders)]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--preset", "flashing"], 0),
        (["--preset", "flashing", "--flash-limit", "wcag"], 0),
        (["--preset", "flashing", "--flash-limit", "off"], 3),
        (["--preset", "flashing", "--no-flash-limit"], 3),
        (["--preset", "unlimited"], 3),
    ],
)
def test_a_film_obeys_the_flash_limit_of_flags_and_presets(flashing, words, status):
    assert main([*flashing, *words]) == status


def test_times_begin_at_the_first_picture(tmp_path):
    film = write_film(tmp_path / "film.mkv", strobe(WHITE, BLACK, 5.0, 1.0))
    read = list(read_pictures(film))
    assert [round(time * FPS) for time, _ in read] == list(range(30))
    assert read[0][1].shape == (90, 160, 3) and read[0][1].mean() > 250


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such film"), (b"", "cannot be read as a film"), (b"x" * 999, "cannot be read")]
)
def test_what_is_no_film_is_one_clear_line(tmp_path, capsys, content, message):
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    assert main(["render", "--check-flashes", str(path)]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_sound_alone_is_no_film(tmp_path, capsys):
    clicks(tmp_path / "track.wav", 0.5)
    assert main(["render", "--check-flashes", str(tmp_path / "track.wav")]) == 2
    assert "holds no pictures" in capsys.readouterr().err
