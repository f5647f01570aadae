"""Other programs' pictures, with stand-ins that hold the protocols of NDIlib, syphon and SpoutGL."""

from __future__ import annotations

import sys
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from livemusviz.errors import UserError
from livemusviz.sources.senders import is_ours, read_sender, sender_names, senders_available
from livemusviz.sources.spec import PictureSpec
from tests.sources.clips import RED, SteppedClock, quarter

SIZE = (64, 64)
RGBA = np.concatenate([quarter(), np.full((64, 64, 1), 255, np.uint8)], axis=2)


class FakeNdi(ModuleType):
    """Two senders, one of them ours; the other sends sound, metadata, three pictures, then nothing."""

    RECV_COLOR_FORMAT_RGBX_RGBA = 2
    FRAME_TYPE_NONE, FRAME_TYPE_VIDEO, FRAME_TYPE_AUDIO, FRAME_TYPE_METADATA = range(4)

    def __init__(self) -> None:
        super().__init__("NDIlib")
        self.freed: list[str] = []
        self.kinds = iter([2, 3, 1, 1, 1])

    def initialize(self) -> bool:
        return True

    def FindCreate(self) -> Any:
        return SimpleNamespace(extra_ips="")

    def find_create_v2(self, wanted: Any) -> str:
        assert wanted.extra_ips == "127.0.0.1"
        return "finder"

    def find_wait_for_sources(self, finder: str, milliseconds: int) -> bool:
        return True

    def find_get_current_sources(self, finder: str) -> list[Any]:
        return [SimpleNamespace(ndi_name=name) for name in ("STAGE (livemusviz)", "STAGE (Camera 1)")]

    def find_destroy(self, finder: str) -> None:
        self.freed.append(finder)

    def RecvCreateV3(self) -> Any:
        return SimpleNamespace(color_format=0)

    def recv_create_v3(self, options: Any) -> str:
        assert options.color_format == self.RECV_COLOR_FORMAT_RGBX_RGBA
        return "receiver"

    def recv_connect(self, receiver: str, source: Any) -> None:
        assert source.ndi_name == "STAGE (Camera 1)"

    def recv_capture_v2(self, receiver: str, milliseconds: int) -> tuple[int, Any, Any, Any]:
        return next(self.kinds, 0), SimpleNamespace(data=RGBA), None, None

    def recv_free_video_v2(self, receiver: str, video: Any) -> None:
        self.freed.append("video")

    def recv_free_audio_v2(self, receiver: str, audio: Any) -> None:
        self.freed.append("audio")

    def recv_free_metadata(self, receiver: str, metadata: Any) -> None:
        self.freed.append("metadata")

    def recv_destroy(self, receiver: str) -> None:
        self.freed.append("receiver")


class FakeReceiver:
    """Spout's receiver: tells the size first, as after every change, then gives pictures."""

    def __init__(self) -> None:
        self.calls = 0

    def __enter__(self) -> FakeReceiver:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def createOpenGL(self) -> bool:
        return True

    def getSenderList(self) -> list[str]:
        return ["livemusviz", "Arena"]

    def setReceiverName(self, name: str) -> None:
        assert name == "Arena"

    def receiveImage(self, pixels: np.ndarray | None, gl_format: int, invert: bool, fbo: int) -> bool:
        self.calls += 1
        if pixels is not None:
            pixels[:] = RGBA
        return True

    def isUpdated(self) -> bool:
        return self.calls == 1

    def isFrameNew(self) -> bool:
        return self.calls == 3

    def getSenderWidth(self) -> int:
        return 64

    def getSenderHeight(self) -> int:
        return 64


class FakeClient:
    """Syphon's client: one picture, BGRA with the bottom row first, then a server that has gone."""

    def __init__(self, description: Any) -> None:
        assert description.name == "Main"
        self.left = 2
        self.new_frame_image = RGBA[::-1, :, [2, 1, 0, 3]]

    @property
    def is_valid(self) -> bool:
        return self.left > 0

    @property
    def has_new_frame(self) -> bool:
        self.left -= 1
        return self.left == 0

    def stop(self) -> None:
        pass


def pictures(spec: PictureSpec, clock: SteppedClock) -> Any:
    return read_sender(spec, SIZE, clock, clock.sleep)


def is_quarter(picture: np.ndarray) -> bool:
    return np.abs(picture[:30, :30].mean(axis=(0, 1)) - RED).max() < 3 and picture[34:, 34:].max() < 30


def test_ndi(monkeypatch: pytest.MonkeyPatch) -> None:
    ndi, clock = FakeNdi(), SteppedClock()
    monkeypatch.setitem(sys.modules, "NDIlib", ndi)
    assert sender_names("ndi") == ["STAGE (Camera 1)"], "never our own output"
    found = []
    with pytest.raises(UserError, match="ndi:camera: sends no more; looking for it"):
        for item in pictures(PictureSpec("ndi", "camera"), clock):
            clock.now += 0.05
            found.append(item)
    assert [item is not None for item in found[:6]] == [False, False, True, True, True, False]
    assert is_quarter(found[2])
    assert ndi.freed[:2] == ["finder"] * 2 and {"video", "audio", "metadata"} < set(ndi.freed)


def test_our_own_output_is_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "NDIlib", FakeNdi())
    assert is_ours("HOST (livemusviz)") and is_ours("livemusviz 2") and not is_ours("LIVEMUSVIZ-PC (Camera 1)")
    with pytest.raises(UserError, match="this program's own output"):
        next(pictures(PictureSpec("ndi", "STAGE (livemusviz)"), SteppedClock()))
    with pytest.raises(UserError, match="this program's own output"):
        next(read_sender(PictureSpec("ndi", "Stage-left"), SIZE, SteppedClock(), lambda s: None, ["Stage-left"]))
    with pytest.raises(UserError, match="no ndi senders 'projector'; there are: 'STAGE"):
        next(pictures(PictureSpec("ndi", "projector"), SteppedClock()))


def test_spout(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("SpoutGL")
    monkeypatch.setattr(module, "SpoutReceiver", FakeReceiver, raising=False)
    monkeypatch.setitem(sys.modules, "SpoutGL", module)
    monkeypatch.setattr(sys, "platform", "win32")
    assert sender_names("spout") == ["Arena"]
    items = list(islice(pictures(PictureSpec("spout", "arena"), SteppedClock()), 4))
    assert [item is not None for item in items] == [False, False, True, False] and is_quarter(items[2])


def test_syphon(monkeypatch: pytest.MonkeyPatch) -> None:
    module, tools = ModuleType("syphon"), ModuleType("syphon.utils.numpy")
    server = SimpleNamespace(app_name="Arena", name="Main")
    monkeypatch.setattr(module, "SyphonServerDirectory", lambda: SimpleNamespace(servers=[server]), raising=False)
    monkeypatch.setattr(module, "SyphonMetalClient", FakeClient, raising=False)
    monkeypatch.setattr(tools, "copy_mtl_texture_to_image", lambda texture: texture, raising=False)
    monkeypatch.setitem(sys.modules, "syphon", module)
    monkeypatch.setitem(sys.modules, "syphon.utils.numpy", tools)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sender_names("syphon") == ["Arena Main"]
    items = []
    with pytest.raises(UserError, match="sends no more"):
        for item in pictures(PictureSpec("syphon", "Arena"), SteppedClock()):
            items.append(item)
    assert [item is not None for item in items] == [False, True] and is_quarter(items[1])


def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(UserError, match="syphon is for macOS; use ndi:NAME here"):
        sender_names("syphon")
    monkeypatch.setitem(sys.modules, "NDIlib", None)
    with pytest.raises(UserError, match="ndi needs ndi-python; pip install ndi-python"):
        next(pictures(PictureSpec("ndi", "x"), SteppedClock()))
    assert not senders_available("spout")
