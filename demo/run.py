"""`make demo`: our own piece of music, played into a real show, with a prompt change half-way; then the figures.

Leaves demo.mp4 (the recording), demo.png (a contact sheet) and demo.json (the figures) beside the Makefile.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import soundfile  # noqa: E402
from pythonosc.udp_client import SimpleUDPClient  # noqa: E402

from demo.compose import compose  # noqa: E402
from demo.measure import bad_pictures, dominant_hue, offset_of, onset_motion_ratio, read_film  # noqa: E402
from demo.sheet import contact_sheet  # noqa: E402
from livemusviz.cli.output import table  # noqa: E402

FIRST_PROMPT, SECOND_PROMPT = "deep blue ocean waves", "glowing red lava"
FADE = 3.0  # s
TAIL = 1.5  # s of show after the music
MUSIC_BEGINS = "begins to play"  # in the show's log
PATIENCE = 60.0  # s beyond the music, after which a show is taken for hung


def main() -> int:
    started = time.monotonic()
    outputs = {name: ROOT / f"demo.{name}" for name in ("mp4", "png", "json", "jsonl")}  # jsonl: the film's show log
    for path in outputs.values():
        path.unlink(missing_ok=True)
    work = ROOT / "out"
    work.mkdir(exist_ok=True)
    say("composing the music")
    track = work / "demo.wav"
    piece = compose(track)
    seconds = max(end for _, _, end in piece.sections) + TAIL
    headless = not has_display()
    say(f"playing it into a live show {'without a window (no display here)' if headless else 'in a window'}")
    status = play(track, seconds, headless, outputs, work)
    if status != 0:
        print(f"the show ended with status {status}; its log is {work / 'demo.log'}", file=sys.stderr)
        return 1
    say("reading the recording back")
    figures = json.loads(outputs["json"].read_text())
    figures["demo"] = measure(outputs["mp4"], track, piece.onsets)
    outputs["json"].write_text(json.dumps(figures, indent=1) + "\n")
    contact_sheet(outputs["mp4"], outputs["png"])
    print(table(rows(figures), ("", "")))
    print(f"\ndemo.mp4, demo.png and demo.json are in {ROOT}  ({time.monotonic() - started:.0f} s)")
    return 0


def play(track: Path, seconds: float, headless: bool, outputs: dict[str, Path], work: Path) -> int:
    """Run `livemusviz live` on the track; change the prompt by OSC half-way; show a progress line. Its exit status."""
    port = free_port()
    command = [sys.executable, "-m", "livemusviz", "live", "--input", str(track), "--no-loop", "--prompt", FIRST_PROMPT]
    command += ["--wait-for-picture"]  # a cold disk takes seconds to give the model
    command += ["--canvas", "640x360"]  # what a machine without a GPU draws beside a model
    command += ["--record", str(outputs["mp4"]), "--stats", str(outputs["json"]), "--trace", str(work / "demo.jsonl")]
    command += ["--duration", str(seconds), "--osc-port", str(port), "--fade", str(FADE)]
    command += ["--headless"] if headless else []
    path = work / "demo.log"
    with path.open("w") as log:
        show = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)  # noqa: S603
        client, changed = SimpleUDPClient("127.0.0.1", port), False
        started, begun = time.monotonic(), None
        while show.poll() is None:
            now = time.monotonic()
            if begun is None and MUSIC_BEGINS in path.read_text():
                begun = now
            elapsed = 0.0 if begun is None else now - begun
            if elapsed > seconds / 2 and not changed:
                changed = True
                client.send_message("/prompt", SECOND_PROMPT)
            if now - started > seconds + PATIENCE:
                show.kill()
            if begun is not None:
                progress(elapsed, seconds, SECOND_PROMPT if changed else FIRST_PROMPT)
            time.sleep(0.25)
    print()
    return show.returncode


def measure(recording: Path, track: Path, played: Sequence[float]) -> dict[str, Any]:
    """Measure the recording itself. played : s into `track`, the drum hits as composed."""
    film = read_film(recording)
    sound, _ = soundfile.read(track, dtype="float32", always_2d=True)
    onsets = np.asarray(played) + offset_of(sound, film.sound)
    quarter = len(film.pictures) // 4
    return {
        "seconds": round(film.seconds, 2),
        "codecs": list(film.codecs),
        "size": list(film.size),
        "bad_pictures": bad_pictures(film),
        "onset_motion_ratio": round(onset_motion_ratio(film, onsets), 2),
        "hue_first_prompt": dominant_hue(film.pictures[quarter]),
        "hue_second_prompt": dominant_hue(film.pictures[-quarter // 2]),
    }


def rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    demo = figures["demo"]

    def ms(name: str) -> str:
        value = figures.get(name)
        return f"p50 {value['p50']:.1f} ms, p99 {value['p99']:.1f} ms" if value else "-"

    return [
        ("recording", f"{demo['seconds']} s, {'x'.join(map(str, demo['size']))}, {' + '.join(demo['codecs'])}"),
        (
            "model",
            f"{figures['model']} at {'x'.join(map(str, figures['size']))}, {figures['backend']}, {figures['blas']}",
        ),
        ("display", f"{figures['display_fps']} frames/s, interval {ms('frame_ms')}"),
        ("display stalls", f"{figures['stalls']} over 100 ms, longest interval {figures['frame_ms']['max']:.0f} ms"),
        ("generated", generated(figures)),
        ("one frame", ms("generate_ms")),
        ("sound to picture", ms("audio_to_frame_ms")),
        ("onset to light", ms("onset_to_shader_ms")),
        ("onsets heard", str(figures["onsets"])),
        ("audio overflows", str(figures["audio_overflows"])),
        ("black or flat pictures", str(demo["bad_pictures"])),
        ("motion on onsets / between", str(demo["onset_motion_ratio"])),
        ("dominant hue", f"{demo['hue_first_prompt']:.0f} degrees, then {demo['hue_second_prompt']:.0f}"),
        ("memory", f"{figures['peak_rss_mb']} MB at most"),
    ]


def generated(figures: dict[str, Any]) -> str:
    """Return how many frames the model made, how many a second, and when the first was seen."""
    frames, skipped, first = (figures[name] for name in ("frames_generated", "frames_skipped", "first_frame_s"))
    if not first:
        return "no frame"
    pace = frames / max(figures["seconds"] - first, 1e-3)
    return f"{frames} frames, {pace:.1f} a second, the first after {first:.1f} s; {skipped} skipped as the music rested"


def progress(elapsed: float, seconds: float, prompt: str) -> None:
    done = min(1.0, elapsed / seconds)
    bar = "#" * int(30 * done)
    line = f"[{bar:<30}] {min(elapsed, seconds):4.0f} / {seconds:.0f} s   {prompt}"
    print(f"\r{line:<78}" if sys.stdout.isatty() else "", end="" if sys.stdout.isatty() else "", flush=True)
    if not sys.stdout.isatty() and int(elapsed * 4) % 40 == 0:
        print(line, flush=True)


def has_display() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return int(udp.getsockname()[1])


def say(text: str) -> None:
    print(f"== {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
