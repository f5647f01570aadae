"""`livemusviz doctor`: what this machine has, what is missing, what to do. Exit status 1 if a show cannot run."""

from __future__ import annotations

import argparse
import platform
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass

from livemusviz import __version__
from livemusviz.cli.output import add_json_flag, print_json, table
from livemusviz.errors import UserError

OK, WARN, FAIL = "ok", "warn", "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row. advice : what to do, "" if nothing."""

    what: str
    state: str
    detail: str
    advice: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_flag(parser)


def run(options: argparse.Namespace) -> int:
    findings = [finding for check in CHECKS for finding in _guarded(check)]
    if options.json:
        print_json([asdict(finding) for finding in findings])
    else:
        print(table([(f.state, f.what, f.detail) for f in findings], ("", "what", "found")))
        for finding in findings:
            if finding.advice:
                print(f"\n{finding.what}: {finding.advice}")
    return 1 if any(finding.state == FAIL for finding in findings) else 0


def _guarded(check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except (UserError, ImportError, OSError, RuntimeError) as error:
        return [Finding(check.__name__.removeprefix("_").replace("_", " "), FAIL, str(error), "see the line above")]


def _versions() -> list[Finding]:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return [Finding("livemusviz", OK, f"{__version__}, Python {platform.python_version()}, {system}")]


def _cores() -> list[Finding]:
    from livemusviz.budget import decide
    from livemusviz.machine import read_machine

    budget = decide(read_machine())
    words = {"blas_threads": "BLAS threads", "fps": "display frames/s", "encoder_threads": "encoder threads"}
    parts = [f"{getattr(budget, name):g} {word}" for name, word in words.items() if getattr(budget, name) is not None]
    parts += [f"encoder preset {budget.encoder_preset}", f"quality rung {budget.first_rung}"]
    return [Finding("budget of cores", OK, f"{budget.machine}: {', '.join(parts)}")]


def _audio_input() -> list[Finding]:
    from livemusviz.audio.devices import input_devices

    devices = input_devices()
    if not devices:
        advice = "plug in an interface, or play a file: livemusviz live --input FILE.wav"
        return [Finding("audio input", WARN, "none; the show runs with silence", advice)]
    return [Finding("audio input", OK, "; ".join(device.name for device in devices[:4]))]


def _engine() -> list[Finding]:
    from livemusviz.diffusion import backend

    backend.prepare_backend()
    import importlib.metadata

    name, blas = backend.backend_name(), backend.blas_name()
    version = importlib.metadata.version("mlx")
    findings = [Finding("mlx", OK, f"{version}, back end {name}")]
    if name == "cpu" and "slow" in blas:
        advice = "install OpenBLAS (Debian, Ubuntu: apt-get install libopenblas0-pthread); frames come 30 times faster"
        return [*findings, Finding("BLAS", FAIL, blas, advice)]
    speed = f", {backend.matmul_gflops(1024):.0f} GFLOP/s" if name == "cpu" else ""
    return [*findings, Finding("BLAS", OK, blas + speed)]


def _embedded_model() -> list[Finding]:
    from livemusviz.diffusion.folder import check_folder, resolve_model

    folder = resolve_model("embedded")
    check_folder(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return [Finding("embedded model", OK, f"{size / 1e6:.1f} MB")]


def _opengl() -> list[Finding]:
    from livemusviz.display.context import headless_context

    context = headless_context()
    info = f"{context.info['GL_RENDERER']}, OpenGL {context.version_code / 100:.1f}"
    software = "llvmpipe" in info.lower()
    context.release()
    advice = "drawing is done by the CPU; keep the canvas small (--canvas 640x360)" if software else ""
    return [Finding("OpenGL", WARN if software else OK, info, advice)]


def _video_encoder() -> list[Finding]:
    from livemusviz.record.encoder import choose_codec
    from livemusviz.record.settings import EncoderSettings

    return [Finding("video encoder", OK, choose_codec(EncoderSettings(640, 360)))]


def _osc_port() -> list[Finding]:
    from livemusviz.control.loop import DEFAULT_PORT

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            return [
                Finding("OSC port", WARN, f"{DEFAULT_PORT} is taken", "a show will take the next free one and say so")
            ]
    return [Finding("OSC port", OK, f"{DEFAULT_PORT} is free")]


def _midi() -> list[Finding]:
    from livemusviz.control.midi.ports import input_names

    try:
        names = input_names()
    except UserError as error:
        return [Finding("MIDI", WARN, "none; the show runs without", str(error))]
    return [Finding("MIDI", OK, "; ".join(names[:4]) or "no input plugged in")]


def _link() -> list[Finding]:
    from livemusviz.control import link

    if link.link_installed():
        return [Finding("Ableton Link", OK, "there, with --link")]
    return [Finding("Ableton Link", WARN, "not installed", link.MISSING)]


CHECKS = (_versions, _cores, _audio_input, _engine, _embedded_model, _opengl, _video_encoder, _osc_port, _midi, _link)
