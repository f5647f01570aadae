"""A long show under faders, prompts and presets, recorded: does it keep its memory, threads, descriptors and files?

    SOAK=3h make soak          python benchmarks/soak.py 10m [--folder DIR] [--json soak.json]

The real `live` runs headless in a subprocess with a drum loop as its music. Once a second its memory, threads,
descriptors and temporary files are read. At the end comes a table; the exit status is 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from pythonosc.udp_client import SimpleUDPClient

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from demo.run import free_port  # noqa: E402
from livemusviz.cli.output import table  # noqa: E402
from livemusviz.params.registry import PARAMS  # noqa: E402
from tests.drum_loop import write_drum_loop  # noqa: E402

WARM_UP = 180.0  # s before anything is judged, or a third of a short soak
SLOPE = 1.0  # MiB a minute, of the show and of its audio process
APART = 0.1  # s between the end of a recording's picture and of its sound
FADER, PROMPT, PRESET = 0.05, 7.0, 10.0  # s between two of each
LEFT_OUT = {"autopilot", "bpm", "gain"}  # they would change presets, the tempo's source, or clip the sound
WORDS = ("ocean", "lava", "forest", "neon city", "ink in water", "northern lights", "gold", "storm", "coral", "embers")
DRAWING = "drawing with"  # in the show's log
PATIENCE = 60.0  # s, for its start and for its end


@dataclass(frozen=True, slots=True)
class Sample:
    """Holds what a show has at one moment.

    time : s.  show, audio : MiB resident, of the show and of its audio process.
    threads, descriptors : of both.  files : temporary ones.
    """

    time: float
    show: float
    audio: float
    threads: int
    descriptors: int
    files: int


@dataclass(frozen=True, slots=True)
class Row:
    """Holds one line of the table. held : None where there is no limit."""

    name: str
    measured: str
    limit: str = ""
    held: bool | None = None


def seconds_of(text: str) -> float:
    """Return the seconds of a text such as "90", "10m" or "3h". Raises ValueError for any other."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or not float(match[1]) > 0.0:
        raise ValueError(f"{text!r}: give a number of seconds, or one with m or h behind it")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of the straight line through `values`, a minute. times : s. 0.0 for fewer than two."""
    return float(np.polyfit(times, values, 1)[0]) * 60.0 if len(times) > 1 else 0.0


def ends(values: Sequence[int]) -> tuple[float, float]:
    """Return the medians of the first and of the last third: what comes and goes in between does not count."""
    third = max(1, len(values) // 3)
    return float(np.median(values[:third])), float(np.median(values[-third:]))


def stream_ends(path: Path) -> tuple[float, float]:
    """Return where picture and sound of a film end, s, by its packets."""
    last = {"video": 0.0, "audio": 0.0}
    with av.open(str(path)) as film:
        for packet in film.demux():
            if packet.pts is not None and packet.duration:
                end = float((packet.pts + packet.duration) * packet.time_base)
                last[packet.stream.type] = max(last[packet.stream.type], end)
    return last["video"], last["audio"]


def judge(samples: Sequence[Sample], figures: Mapping[str, Any], film: tuple[float, float], warm: float) -> list[Row]:
    """Return the table. figures : of the show's --stats.  film : ends of its picture and sound, s.  warm : s."""
    after = [sample for sample in samples if sample.time >= warm] or list(samples)
    times = [sample.time for sample in after]
    rows = []
    for name in ("show", "audio"):
        values = [getattr(sample, name) for sample in after]
        rise = slope(times, values)
        measured = f"{rise:+.2f} MiB a minute, {values[0]:.0f} to {values[-1]:.0f} MiB"
        rows.append(Row(f"memory of the {name}", measured, f"under {SLOPE:g}", rise < SLOPE))
    for name in ("threads", "descriptors", "files"):
        first, last = ends([getattr(sample, name) for sample in after])
        rows.append(Row(name, f"{first:g}, then {last:g}", "constant", first == last))
    picture, sound = film
    apart = abs(picture - sound)
    rows.append(Row("recording", f"picture {picture:.2f} s, sound {sound:.2f} s", f"{APART:g} s apart", apart <= APART))
    for name, limit in (("audio_overflows", 0), ("engine_failures", 0), ("display_errors", 0)):
        rows.append(Row(name.replace("_", " "), str(figures[name]), str(limit), figures[name] == limit))
    restarts = figures["audio"]["restarts"]
    rows.append(Row("audio restarts", str(restarts), "0", restarts == 0))
    longest = figures["frame_ms"]["max"]
    display = f"{figures['display_fps']} frames/s, {figures['stalls']} over 100 ms, longest {longest:.0f} ms"
    rows.append(Row("display", display))
    rows.append(Row("generated", f"{figures['frames_generated']} frames in {figures['seconds']:.0f} s"))
    return rows


class Performer:
    """Moves faders and changes prompts and presets, each in its time; the same ones every time."""

    def __init__(self, client: SimpleUDPClient, presets: Sequence[str]) -> None:
        self._client, self._random = client, random.Random(1)  # noqa: S311
        self._faders = [param for param in PARAMS if param.modulated and param.name not in LEFT_OUT]
        self._presets = cycle(presets)
        self._due = {self._fader: FADER, self._prompt: PROMPT, self._preset: PRESET}
        self._next = dict(self._due)

    def until(self, now: float) -> None:
        """Do what is due at `now`, s since the show draws."""
        for act, period in self._due.items():
            while self._next[act] <= now:
                self._next[act] += period
                act()

    def _fader(self) -> None:
        param = self._random.choice(self._faders)
        self._client.send_message(param.address, self._random.uniform(param.minimum, param.maximum))

    def _prompt(self) -> None:
        self._client.send_message("/prompt", " and ".join(self._random.sample(WORDS, 2)))

    def _preset(self) -> None:
        self._client.send_message("/preset", next(self._presets))


class Probe:
    """Reads what a show and its audio process have. folder : where both keep their temporary files."""

    def __init__(self, process: psutil.Process, folder: Path) -> None:
        self._process, self._folder = process, folder

    def sample(self, time: float) -> Sample:
        """Return what they have now. time : s, kept in the sample. Raises psutil.NoSuchProcess for one that ends."""
        show, audio = self._process, self._audio()
        processes = [show, *audio]
        return Sample(
            time,
            show.memory_info().rss / 2**20,
            sum(process.memory_info().rss for process in audio) / 2**20,
            sum(process.num_threads() for process in processes),
            sum(process.num_handles() if os.name == "nt" else process.num_fds() for process in processes),
            sum(1 for path in self._folder.rglob("*") if path.is_file()),
        )

    def _audio(self) -> list[psutil.Process]:
        """Return the children that stay: not the one that compiles shaders at the start."""
        children = self._process.children()
        return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def soak(folder: Path, seconds: float, presets: Sequence[str]) -> list[Row]:
    """Run a show for `seconds` of drawing; its music, log, figures and film in `folder`. The table.

    Raises RuntimeError if the show does not start or ends with another status than 0.
    """
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    music, film, stats = folder / "drums.wav", folder / "soak.mp4", folder / "stats.json"
    write_drum_loop(music, bars=16)
    port = free_port()
    command = [sys.executable, "-m", "livemusviz", "live", "--headless", "--canvas", "640x360", "--input", str(music)]
    command += ["--record", str(film), "--stats", str(stats), "--osc-port", str(port), "--oscquery-port", "0"]
    own = {**os.environ, "TMPDIR": str(temporary), "XDG_CONFIG_HOME": str(folder / "config")}
    log = folder / "show.log"
    with log.open("w", encoding="utf-8") as out:
        show = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=own)
        try:
            wait_until_drawing(show, log)
            samples = list(watch(show, port, seconds, temporary, presets))
            show.terminate()
            status = show.wait(PATIENCE)
        finally:
            show.kill()
    if status != 0:
        raise RuntimeError(f"the show ended with status {status}; its log is {log}")
    (folder / "samples.json").write_text(json.dumps([asdict(sample) for sample in samples]), encoding="utf-8")
    figures = json.loads(stats.read_text(encoding="utf-8"))
    return judge(samples, figures, stream_ends(film), min(WARM_UP, seconds / 3.0))


def wait_until_drawing(show: subprocess.Popen[bytes], log: Path) -> None:
    begun = time.monotonic()
    while DRAWING not in log.read_text(encoding="utf-8"):
        if show.poll() is not None or time.monotonic() - begun > PATIENCE:
            raise RuntimeError(f"the show does not draw; its log is {log}")
        time.sleep(0.1)


def watch(
    show: subprocess.Popen[bytes], port: int, seconds: float, temporary: Path, presets: Sequence[str]
) -> Iterator[Sample]:
    """Play on a show for `seconds`; a sample once a second, until it ends."""
    performer = Performer(SimpleUDPClient("127.0.0.1", port), presets)
    probe = Probe(psutil.Process(show.pid), temporary)
    begun, due = time.monotonic(), 0.0
    while (now := time.monotonic() - begun) < seconds and show.poll() is None:
        performer.until(now)
        if now >= due:
            due += 1.0
            with suppress(psutil.NoSuchProcess):  # one that ends just now
                yield probe.sample(now)
        time.sleep(FADER / 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=seconds_of, nargs="?", default="10m", help="90, 10m or 3h (10m)")
    parser.add_argument("--folder", type=Path, help="keeps film, log and samples (a temporary one)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    presets = sorted(path.stem for path in (ROOT / "presets").glob("*.toml"))
    with tempfile.TemporaryDirectory() as own:
        rows = soak(options.folder or Path(own) / "soak", options.seconds, presets)
    print(table([(row.name, row.measured, row.limit, verdict(row)) for row in rows], ("", "measured", "limit", "")))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return int(any(row.held is False for row in rows))


def verdict(row: Row) -> str:
    return {True: "held", False: "BROKEN", None: ""}[row.held]


if __name__ == "__main__":
    raise SystemExit(main())
