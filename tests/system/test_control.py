"""A real show under real controllers: liblo's tools, a browser, a flood."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livemusviz.control.feedback import encode
from livemusviz.params.param import Param
from livemusviz.params.registry import PARAMS
from tests.chromium import PROGRAM, Browser
from tests.control.test_osc import good_value
from tests.control.test_osc_guard import bundle
from tests.drum_loop import write_drum_loop
from tests.system.shows import LiveShow, free_udp_port

pytestmark = pytest.mark.system
needs_liblo = pytest.mark.skipif(shutil.which("oscdump") is None, reason="liblo-tools is not installed")


class Dump:
    """liblo's `oscdump`, listening."""

    def __init__(self) -> None:
        self.port = free_udp_port()
        command = ["stdbuf", "-oL", "oscdump", "-L", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._lines: list[str] = []

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=5)

    def wait_for(self, pattern: str, seconds: float = 5.0) -> str:
        """The first line from now on that matches."""
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            line = self._process.stdout.readline()
            if re.search(pattern, line):
                return line.strip()
        raise AssertionError(f"no {pattern} in {seconds} s")


@pytest.fixture
def dump() -> Iterator[Dump]:
    made = Dump()
    yield made
    made.close()


@pytest.fixture
def shows(tmp_path: Path) -> Iterator[list[LiveShow]]:
    running: list[LiveShow] = []
    yield running
    for show in running:
        show.kill()


def told(value: object) -> str:
    """As oscdump prints it."""
    if isinstance(value, str):
        return re.escape(f'"{value}"')
    return re.escape(f"{value:.6f}"[:8] if isinstance(value, float) else str(value))


@needs_liblo
def test_every_address_is_set_and_read_back_with_liblos_tools(
    tmp_path: Path, shows: list[LiveShow], dump: Dump
) -> None:
    """Values by `oscsend`, read back by a question; actions by what they do, or by not being refused."""
    show = LiveShow(tmp_path, "--osc-out", f"127.0.0.1:{dump.port}", "--recordings", str(tmp_path / "takes"))
    shows.append(show)
    show.wait_until_drawing()
    actions = {"next", "previous", "random", "cue_next", "cue_previous", "cue_random"}
    named = ("cue_number", "preset", "picture", "model")  # what they name has to be there
    first = [param for param in PARAMS if param.kind != "action" and param.name not in named]
    for param in first:
        value = setting(param)
        show.osc(param.address, *words(value))
        show.osc(param.address + "?")
        dump.wait_for(rf" {re.escape(param.address)} \w+ {told(value)}")
    show.osc("/quantise", "s", "none")
    show.osc("/tempo/source", "s", "auto")
    show.osc("/cue/list", "s", '["red lava", "a deep blue ocean"]')
    for address, arguments, expected in (
        ("/cue/next", (), '/prompt s "red lava"'),
        ("/cue/number", ("i", "2"), '/prompt s "a deep blue ocean"'),
        ("/cue/previous", (), '/prompt s "red lava"'),
        ("/cue/random", (), '/prompt s "a deep blue ocean"'),
        ("/preset", ("s", "lava"), '/preset s "lava"'),
        ("/bpm", ("f", "100"), "/bpm f 100.0"),
        ("/tempo/double", (), "/bpm f 200.0"),
        ("/tempo/half", (), "/bpm f 100.0"),
        ("/gain", ("sf", "+", "0.5"), None),
        ("/gain", ("f", "99"), '/error s "gain: 99.0 is outside 0..32 x"'),
        ("/promt", ("s", "sea"), r"/error s .*did you mean '/prompt'"),
        ("/learn", ("s", "/gain"), "/error s .*no MIDI input"),
        ("/prompt", ("s", "qwxz over the sea"), '/prompt/unknown s "qwxz"'),
        ("/prompt", ("ss", "red", "lava"), '/prompt/unknown s ""'),
        ("/input", ("s", "gig.wav"), "/error s .*a file is given on the command line"),
        ("/input", ("s", "nothing like it:3-4"), "/error s .*no audio input"),
        ("/input?", (), '/input s ""'),
        ("/picture", ("s", "nothing like it"), "/error s .*start the show with --pictures"),
        ("/picture?", (), '/picture s ""'),
        ("/model", ("s", "nothing like it"), "/error s .*nothing like it"),
        ("/model?", (), '/model s ""'),
    ):
        show.osc(address, *arguments)
        if expected is not None:
            dump.wait_for(expected)
    before = show_refused(show)
    show.osc("/map/pin", "sff", "top_left", "0.1", "0.1")
    show.osc("/map/edge", "ffff", "0.1", "0", "0", "0")
    show.osc("/map/turn", "i", "90")
    tried = actions | {"learn", "forget", "tempo_double", "map_pin", "map_edge", "map_turn"}
    for param in PARAMS:
        if param.kind == "action" and param.name not in tried:
            show.osc(param.address)
            time.sleep(1.5 if param.name == "record_start" else 0.05)
    assert show_refused(show) == before
    show.end()
    assert len(list((tmp_path / "takes").glob("*.mp4"))) == 1
    assert show.stats()["osc_rejected"] == 2


def setting(param: Param) -> Any:
    """A good value that is not the default, as OSC carries it."""
    value = good_value(param)
    if param.name in ("blackout", "hud", "lock"):
        return 1
    if param.name == "tempo_source":
        return "tap"
    return int(value) if isinstance(value, bool) else value


def words(value: Any) -> tuple[str, str]:
    return {str: "s", int: "i", float: "f"}[type(value)], str(value)


def show_refused(show: LiveShow) -> int:
    """Refusals so far are errors in the log."""
    return show.log().count("ERROR")


@needs_liblo
def test_bundles_and_a_long_list_from_a_real_client(tmp_path: Path, shows: list[LiveShow], dump: Dump) -> None:
    """`oscsendfile` plays a bundle that liblo itself encodes; a 60 KB `/prompt_list` comes through."""
    show = LiveShow(tmp_path, "--osc-out", f"127.0.0.1:{dump.port}")
    shows.append(show)
    show.wait_until_drawing()
    script = tmp_path / "bundle.osc"
    script.write_text("00000000.00000001 /seed i 77\n00000000.00000001 /fade f 3.5\n")
    subprocess.run(["oscsendfile", f"osc.udp://127.0.0.1:{show.port}", str(script)], check=True, timeout=10)
    dump.wait_for("/fade f 3.5")
    entries = [[f"{n} " + "x" * 900, 1.0] for n in range(64)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", show.port))
        udp.send(bundle(encode("/seed", 5), bundle(encode("/gain", 2.0), encode("/prompt_list", json.dumps(entries)))))
    dump.wait_for("/gain f 2.0")
    show.osc("/seed?")
    dump.wait_for("/seed i 5")
    tree = f"http://127.0.0.1:{show.port + 1}/prompt_list?VALUE"
    with urllib.request.urlopen(tree, timeout=5) as answer:
        assert json.loads(json.load(answer)["VALUE"][0]) == entries
    show.end()
    assert show.stats()["osc_rejected"] == 0 and not show.stats()["error"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_reads_the_tree(tmp_path: Path, shows: list[LiveShow]) -> None:
    show = LiveShow(tmp_path, "--gain", "3")
    shows.append(show)
    show.wait_until_drawing()

    def curl(target: str) -> Any:
        command = ["curl", "-sf", f"http://127.0.0.1:{show.port + 1}{target}"]
        return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=5).stdout)

    assert curl("/?HOST_INFO")["OSC_PORT"] == show.port
    assert curl("/gain")["VALUE"] == [3.0]
    assert len(curl("/")["CONTENTS"]) > 20
    show.end()


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
def test_the_page_in_chromium(tmp_path: Path, shows: list[LiveShow]) -> None:
    write_drum_loop(tmp_path / "loop.wav", bars=2)
    web = f"127.0.0.1:{free_udp_port()}"
    show = LiveShow(
        tmp_path, "--web", web, "--prompt", "deep blue ocean", "--fade", "0.5", "--input", str(tmp_path / "loop.wav")
    )
    shows.append(show)
    show.wait_until_drawing()
    match = re.search(r"web remote at (http://\S+)", show.log())
    assert match is not None
    url = match[1]
    with Browser(tmp_path / "profile") as browser:
        assert browser.open(url[:-1]) == 403, "a token that is one letter short"
        assert browser.open(url) == 200
        browser.wait_for("document.querySelector('#preview').naturalWidth > 100")
        browser.wait_for("document.querySelectorAll('#presets button').length >= 7")
        until(lambda: (sea := browser.picture("#preview"))[2] > max(sea[0], 20.0), 10.0)
        browser.run("document.querySelector('#prompt').value = 'red lava'")
        browser.press("#prompt-form button")
        until(lambda: (lava := browser.picture("#preview"))[0] > lava[2] * 1.3, 10.0)
        browser.wait_for("document.querySelector('#prompt').value === 'red lava'")

        fader = "document.querySelector('input[data-address=\"/gain\"]')"
        browser.run(f"{fader}.value = 8, {fader}.dispatchEvent(new Event('input', {{bubbles: true}}))")
        until(lambda: ask(show, "/gain") == [pytest.approx(8.0, abs=0.1)])

        mark = "parseFloat(document.querySelector('#threshold').style.left)"
        browser.wait_for(f"{mark} === 50")  # the onset curve's threshold, in the middle of its bar
        browser.wait_for("document.querySelector('#novelty').style.transform !== 'scaleX(0)'")
        dial = "document.querySelector('input[data-address=\"/sensitivity\"]')"
        browser.run(f"{dial}.value = 2, {dial}.dispatchEvent(new Event('input', {{bubbles: true}}))")
        until(lambda: ask(show, "/sensitivity") == [2.0])
        browser.wait_for(f"{mark} < 40")

        browser.press("[data-switch='/blackout']")
        browser.wait_for("document.querySelector(\"[data-switch='/blackout']\").classList.contains('on')")
        until(lambda: max(browser.picture("#preview")) < 4.0)
        browser.press("[data-switch='/blackout']")
        until(lambda: max(browser.picture("#preview")) > 20.0)
        browser.press("#presets button:nth-child(2)")
        browser.wait_for("document.querySelector('#presets button:nth-child(2)').classList.contains('on')")
        for _ in range(3):
            browser.press("[data-action='/tap']")
            time.sleep(0.7)  # no octave of the music's 120 bpm, which would leave the lead to it
        browser.wait_for("document.querySelector('#engine').textContent.startsWith('tap')")
        box = "document.querySelector('[data-name=\"{}\"]').hidden"
        browser.wait_for(box.format("guidance_scale"))  # the embedded model has no guidance
        assert not browser.run(box.format("gain"))
        browser.run("document.querySelector('#prompt').value = 'ein Vulkan'")
        browser.press("#prompt-form button")
        browser.wait_for("document.querySelector('#unknown').textContent === 'the model does not know: ein, Vulkan'")
        columns = "getComputedStyle(document.querySelector('main')).display"
        assert browser.run(columns) == "block"
        browser.call("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)
        assert browser.run(columns) == "grid"
        browser.call("Emulation.setDeviceMetricsOverride", width=412, height=915, deviceScaleFactor=2, mobile=True)
        browser.run("window.scrollTo(0, 0)")
        browser.screenshot(tmp_path / "page.png", whole=False)
        assert [problem for problem in browser.problems if "403" not in problem] == []

        # another site's page, in the same browser: no socket, no tree
        foreign = "data:text/html,<script>window.met = []</script>"
        browser.call("Page.navigate", url=foreign)
        browser.wait_for("Array.isArray(window.met)")
        address = url.replace("http", "ws").replace("/?", "/ws?")
        browser.run(
            f"const s = new WebSocket({json.dumps(address)}); s.onopen = () => met.push('open');"
            " s.onclose = () => met.push('refused')"
        )
        browser.wait_for("met.length > 0")
        assert browser.run("met") == ["refused"]
    show.end()


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def ask(show: LiveShow, address: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{show.port + 1}{address}?VALUE", timeout=5) as answer:
        return json.load(answer)["VALUE"]


FLOOD = """
import socket, sys, time
sys.path.insert(0, sys.argv[2])
from livemusviz.control.feedback import encode
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.connect(("127.0.0.1", int(sys.argv[1])))
packets = [encode(("/gain", "/fade", "/walk_kick", "/ssf")[n % 4], (n % 1000) / 2000) for n in range(4000)]
began, sent = time.perf_counter(), 0
while (passed := time.perf_counter() - began) < 5.0:
    while sent < passed * 20000:
        udp.send(packets[sent % 4000]); sent += 1
    time.sleep(0.001)
for address, value in (("/gain", 1.5), ("/fade", 3.5), ("/walk_kick", 0.25), ("/ssf", 0.75)):
    udp.send(encode(address, value))
print(sent)
"""


def test_without_the_extras_live_says_what_to_install(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['aalink'] = None; sys.modules['rtmidi'] = None; sys.modules['mido'] = None;"
    for flags, extra in ((["--midi", "all"], "livemusviz[midi]"), (["--link"], "livemusviz[link]")):
        words = ["live", "--headless", "--duration", "1", "--osc-port", str(free_udp_port()), *flags]
        code = f"{hide} from livemusviz.cli import main; sys.exit(main({words!r}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 2 and extra in done.stderr.strip().splitlines()[-1]
