"""The virtual camera: what is written into its node, at the container."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer

from livemusviz.errors import UserError
from livemusviz.sinks import camera
from livemusviz.sinks.camera import CameraSink
from livemusviz.sinks.spec import parse_out
from tests.sinks.feeding import CanvasPicture, flat


def bars(width: int, height: int) -> np.ndarray:
    """Red, green, blue and white side by side."""
    picture = flat(255, (width, height))
    for index, channel in enumerate((0, 1, 2)):
        picture[:, index * width // 4 : (index + 1) * width // 4, :3] = 0
        picture[:, index * width // 4 : (index + 1) * width // 4, channel] = 255
    return picture


def test_the_node_gets_the_canvas_as_yuyv(tmp_path: Path) -> None:
    node, written = tmp_path / "video9", tmp_path / "out.nut"
    node.touch()

    def record(path: str) -> OutputContainer:
        assert path == str(node)
        return av.open(str(written), "w", format="nut")

    sink = CameraSink(parse_out(f"camera:{node}"), (161, 91), record)
    sink.open(0.0)
    for _ in range(3):
        sink.send(CanvasPicture(bars(161, 91), 0.0), 0.0)
    sink.close()
    with av.open(str(written)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 3 and frames[0].format.name == "yuyv422" and (frames[0].width, frames[0].height) == (160, 90)
    seen = frames[-1].reformat(format="rgb24", src_colorspace="ITU601", src_color_range="MPEG").to_ndarray()
    middles = seen[45, [20, 60, 100, 140]].astype(int)
    np.testing.assert_allclose(middles, [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)], atol=6)


def test_a_missing_camera_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "first_node", lambda: None)
    with pytest.raises(UserError, match="no virtual camera on this machine; make one with: sudo modprobe v4l2loopback"):
        CameraSink(parse_out("camera"), (160, 90)).open(0.0)
    with pytest.raises(UserError, match="there is no .*video7; make one"):
        CameraSink(parse_out(f"camera:{tmp_path}/video7"), (160, 90)).open(0.0)


def test_a_node_that_takes_no_pictures_is_told(tmp_path: Path) -> None:
    node = tmp_path / "video9"
    node.touch()
    sink = CameraSink(parse_out(f"camera:{node}"), (160, 90))
    with pytest.raises(UserError, match="is it a v4l2loopback, and free"):
        sink.open(0.0)
    sink.close()
