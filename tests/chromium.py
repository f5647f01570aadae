"""A headless Chromium driven over its DevTools protocol, for tests of the phone page."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next((path for name in NAMES if (path := shutil.which(name))), None)
MIDDLE = """(() => {
  const element = document.querySelector(SELECTOR);
  element.scrollIntoView({block: "center"});
  const box = element.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})()"""
MEAN = """(() => {
  const canvas = document.createElement("canvas"), mean = [0, 0, 0];
  canvas.width = canvas.height = 16;
  const context = canvas.getContext("2d");
  context.drawImage(document.querySelector(SELECTOR), 0, 0, 16, 16);
  const data = context.getImageData(0, 0, 16, 16).data;
  for (let i = 0; i < data.length; i += 4) for (let j = 0; j < 3; j++) mean[j] += data[i + j] / 256;
  return mean;
})()"""


class Browser:
    """One page, as large as a phone. Use as a context manager."""

    def __init__(self, profile: Path, width: int = 412, height: int = 915) -> None:
        assert PROGRAM is not None
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += ["--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"]
        command = [PROGRAM, *flags, f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._port(profile / "DevToolsActivePort")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
            target = next(page for page in json.load(answer) if page["type"] == "page")
        self._socket = connect(target["webSocketDebuggerUrl"], max_size=None, compression=None).__enter__()
        self._count = 0
        self.problems: list[str] = []  # what the console and the network complained about
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *unused: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(10)

    def call(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=20))
            if message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]
            if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(json.dumps(message["params"])[:500])

    def open(self, url: str) -> int:
        """Go there; the HTTP status."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")
        return int(self.run("performance.getEntriesByType('navigation')[0].responseStatus"))

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, script: str, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}\n{self.problems}"
            time.sleep(0.05)

    def press(self, selector: str) -> None:
        """Click in the middle of an element, as a finger would."""
        box = self.run(MIDDLE.replace("SELECTOR", json.dumps(selector)))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def picture(self, selector: str) -> list[float]:
        """Mean red, green and blue (0..255) of an image on the page."""
        return list(self.run(MEAN.replace("SELECTOR", json.dumps(selector))))

    def screenshot(self, path: Path, whole: bool = True) -> None:
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def _port(self, file: Path) -> int:
        end = time.monotonic() + 30
        while not file.exists() or not re.match(r"\d+\n", file.read_text()):
            assert time.monotonic() < end and self._process.poll() is None, "chromium did not start"
            time.sleep(0.05)
        return int(file.read_text().split()[0])
