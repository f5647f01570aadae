"""`--out` as it is written, and what is refused."""

from pathlib import Path

import pytest

from livemusviz.cli import main
from livemusviz.errors import UserError
from livemusviz.sinks.spec import SinkSpec, first_node, own_names, parse_out, parse_outs, refusal, without_secrets


def test_an_output_has_a_kind_a_name_and_options() -> None:
    spec = parse_out("stream:rtmp://127.0.0.1/live/key,bitrate=4000,fps=25,name=twitch")
    assert (spec.kind, spec.name, spec.fps, spec.on) == ("stream", "twitch", 25, True)
    assert spec.options["url"] == "rtmp://127.0.0.1/live/key" and spec.options["bitrate"] == 4000
    assert parse_out("stream:udp://127.0.0.1:9000?pkt_size=1316,x").options["url"].endswith("pkt_size=1316,x")
    assert parse_out("ndi") == SinkSpec("ndi", "ndi") and parse_out("ndi").sender == "livemusviz"
    assert parse_out("ndi:Stage-left,alpha=luma").sender == "Stage-left"
    assert parse_out("camera:/dev/video9,on=0") == SinkSpec("camera", "camera", {"device": "/dev/video9"}, on=False)
    assert parse_out("syphon").on_gpu and parse_out("spout:name=wall").name == "wall"


def test_an_output_has_a_switch() -> None:
    param = parse_out("ndi:Stage-left,on=0").param
    assert (param.name, param.address) == ("out/Stage-left", "/out/Stage-left")
    assert param.kind == "bool" and param.default is False and not param.preset


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no such output; there are: camera, ndi, spout, stream, syphon"),
        ("nid", "did you mean 'ndi'?"),
        ("stream", "give its address"),
        ("stream:bitrate=4000", "give its address"),
        ("stream:rtmp:///key", "cannot send to"),
        ("stream:gopher://host/x", "cannot send to 'gopher://host/...'"),
        ("stream:udp://127.0.0.1:99999", "[Pp]ort"),
        ("stream:rtmp:/me:pw@host/key", "cannot send to 'rtmp:...'"),
        ("stream:url=rtmp://host/a\tkey", "url=...: give a text"),
        ("ndi:name=a,name=b", "name is given twice"),
        ("stream:list.txt", "is no address"),
        ("stream:udp://h:1,bitrate=99", "bitrate=99: give a whole number of 100..50000"),
        ("stream:udp://h:1,bitrate=fast", "bitrate=fast"),
        ("stream:udp://h:1,format=avi", "give one of flv, mpegts, rtsp, hls, whip"),
        ("ndi:fps=0", "fps=0: give a whole number of 1..60"),
        ("ndi:Stage left", "letters, digits"),
        ("ndi:name=", "letters, digits"),
        ("ndi:colour=red", "no option 'colour'; there are: "),
        ("ndi:on=2", "on=2: give a whole number of 0..1"),
        ("camera:device=", "give a text"),
        ("ndi:" + "x" * 400, "1 to 40"),
    ],
)
def test_bad_outputs_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?").replace("(", r"\(")) as caught:
        parse_out(text)
    assert len(str(caught.value)) < 250 and "\n" not in str(caught.value)


def test_two_of_one_name_and_too_many_are_refused() -> None:
    assert len(parse_outs(["ndi", "ndi:second"])) == 2
    with pytest.raises(UserError, match="two outputs are called 'ndi'"):
        parse_outs(["ndi", "ndi:alpha=luma"])
    with pytest.raises(UserError, match="at most 8"):
        parse_outs([f"ndi:a{n}" for n in range(9)])


def test_the_command_line_refuses_a_bad_output_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "--out", "nid", "--headless", "--duration", "1"]) == 2
    assert "--out nid: no such output; did you mean 'ndi'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtmp://me:secret@live.example:1935/app/key?token=x", "rtmp://live.example:1935/app/..."),
        ("rtmps://live.example/app/key", "rtmps://live.example/app/..."),
        ("udp://127.0.0.1:9000?pkt_size=1316", "udp://127.0.0.1:9000"),
        ("rtsp://me:secret@127.0.0.1:8554/stage", "rtsp://127.0.0.1:8554/stage"),
        ("https://host/whip/stage?key=1", "https://host/whip/..."),
        ("set/show.m3u8", "set/show.m3u8"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
    if "://" in url:
        assert parse_out(f"stream:{url}").target == shown


def test_what_this_machine_lacks_is_told() -> None:
    def nothing(module: str) -> bool:
        return False

    assert refusal(parse_out("ndi"), "linux", nothing) == "ndi needs a library: pip install 'livemusviz[ndi]'"
    assert refusal(parse_out("ndi"), "linux", lambda module: module == "NDIlib") == ""
    assert "use spout on Windows" in refusal(parse_out("syphon"), "win32")
    assert "virtual camera of OBS" in refusal(parse_out("camera"), "darwin")
    assert refusal(parse_out("stream:udp://h:1"), "win32", nothing) == ""


def test_the_first_virtual_camera_is_found(tmp_path: Path) -> None:
    assert first_node(tmp_path) is None
    for name in ("video10", "video9"):
        (tmp_path / name).mkdir()
    assert first_node(tmp_path) == "/dev/video9"


def test_our_own_names_are_known_to_the_sources() -> None:
    outs = ["ndi:Stage-left", "ndi", "camera:/dev/video9", "spout:wall", "stream:udp://127.0.0.1:1"]
    assert own_names(parse_outs(outs)) == ("Stage-left", "livemusviz", "wall", "/dev/video9")
