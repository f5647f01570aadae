"""The TouchOSC layout, opened by a reader that others wrote."""

from pathlib import Path

import pytest

from livemusviz.cli import main
from livemusviz.control.layout import HEIGHT, WIDTH, tosc
from livemusviz.params.registry import PARAMS, REGISTRY

tosclib = pytest.importorskip("tosclib")


@pytest.fixture
def layout(tmp_path: Path) -> "tosclib.ElementTOSC":
    path = tmp_path / "livemusviz.tosc"
    assert main(["osc", "layout", "-o", str(path)]) == 0
    return tosclib.ElementTOSC.fromFile(str(path))


def messages(layout: "tosclib.ElementTOSC") -> list[tuple[str, str, dict[str, str]]]:
    """(kind of control, address, first argument) of everything that sends or hears OSC."""
    found = []
    for node in layout.children:
        for message in node.findall("messages/osc"):
            argument = message.find("arguments/partial")
            assert argument is not None
            path = "".join(str(partial.findtext("value")) for partial in message.findall("path/partial"))
            found.append((node.attrib["type"], path, {part.tag: str(part.text) for part in argument}))
    return found


def test_every_knob_that_a_finger_can_move_is_there(layout: "tosclib.ElementTOSC") -> None:
    found = messages(layout)
    for param in PARAMS:
        mine = [(kind, argument) for kind, address, argument in found if address == param.address]
        if param.number:
            ((kind, argument),) = mine
            assert kind == "FADER"
            assert float(argument["scaleMin"]) == param.minimum and float(argument["scaleMax"]) == param.maximum
        elif param.kind == "choice":
            assert [argument["value"] for _, argument in mine] == list(param.choices)
        elif param.kind == "bool" or (param.kind == "action" and param.name not in ("learn", "forget")):
            assert [kind for kind, _ in mine] == ["BUTTON"]


def test_controls_lie_on_the_page_and_not_on_one_another(layout: "tosclib.ElementTOSC") -> None:
    frames = []
    for node in layout.children:
        control = tosclib.ElementTOSC(node)
        x, y, width, height = control.getFrame()
        assert x >= 0 and y >= 0 and x + width <= WIDTH and y + height <= HEIGHT, control.getID()
        if not control.isControlType(tosclib.ControlType.LABEL):
            frames.append((x, y, x + width, y + height))
    for i, (left, top, right, bottom) in enumerate(frames):
        for other in frames[i + 1 :]:
            assert other[0] >= right or other[2] <= left or other[1] >= bottom or other[3] <= top


def test_identifiers_are_unique_and_the_file_is_the_same_each_time(layout: "tosclib.ElementTOSC") -> None:
    identifiers = [node.attrib["ID"] for node in layout.children]
    assert len(set(identifiers)) == len(identifiers)
    assert tosc(REGISTRY) == tosc(REGISTRY)


@pytest.mark.parametrize("words", [[], ["-o", "layout.txt"], ["-o", "/no/such/folder/x.tosc"]])
def test_a_layout_that_cannot_be_written_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["osc", "layout", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
