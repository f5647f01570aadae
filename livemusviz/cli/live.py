"""`livemusviz live`: the show. Flags for every knob come from the registry."""

from __future__ import annotations

import argparse
import faulthandler
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livemusviz.cli.core_flags import add_core_flags
from livemusviz.cli.logfile import logged_to
from livemusviz.cli.model_flags import (
    add_model_flags,
    control_pictures,
    control_values,
    given_flags,
    init_picture,
    model_spec,
    style_pictures,
    style_values,
)  # fmt: skip
from livemusviz.cli.parser import file_or_name
from livemusviz.params.param import Param
from livemusviz.params.registry import PARAMS

if TYPE_CHECKING:
    from livemusviz.bridge.handover import Handover
    from livemusviz.control.options import ControlOptions
    from livemusviz.live.config import LiveConfig

SHOWN = ("input", "picture", "style", "model")  # flags of the show itself
FLAGGED = tuple(param for param in PARAMS if param.kind not in ("bool", "action") and param.name not in SHOWN)
WEB_PORT = 7080
MOST_SCREENS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    show = parser.add_argument_group("the show")
    show.add_argument(
        "--input",
        type=file_or_name,
        default="default",
        metavar="NAME|FILE",
        help="audio input by name, or a sound file",
    )
    show.add_argument("--no-loop", action="store_true", help="a sound file plays once; silence follows")
    show.add_argument(
        "--wait-for-picture",
        action="store_true",
        help="a sound file begins when the model has its first frame; --duration counts from then",
    )
    show.add_argument("--onset", choices=("superflux", "aubio"), default="superflux", help="how onsets are found")
    show.add_argument(
        "--picture",
        type=file_or_name,
        metavar="SOURCE",
        help="to paint by: FILE, video:FILE, camera, camera:NAME, screen, ndi:NAME, syphon:NAME, spout:NAME",
    )
    show.add_argument("--pictures", type=Path, metavar="DIR", help="files for /picture while the show runs")
    show.add_argument("--engine-fps", type=float, default=30.0, metavar="N", help="generated frames a second, at most")
    show.add_argument("--record", type=Path, metavar="FILE.mp4", help="record from the start")
    show.add_argument(
        "--record-source", default="canvas", choices=("canvas", "frames"), help="canvas, or the model's own"
    )
    show.add_argument("--container", default="mp4", choices=("mp4", "mkv"), help="of recordings by key and OSC (mp4)")
    show.add_argument("--recordings", type=Path, default=Path("recordings"), metavar="DIR", help="for key R and OSC")
    show.add_argument(
        "--out",
        action="append",
        default=[],
        metavar="NAME[:KEY=VALUE,...]",
        help="send the canvas on: stream:URL, ndi, camera, syphon, spout; may be given several times",
    )
    show.add_argument("--duration", type=float, metavar="SECONDS", help="end by itself")
    show.add_argument("--stats", type=Path, metavar="FILE.json", help="write the figures at the end")
    show.add_argument("--trace", type=Path, metavar="FILE.jsonl", help="write a line for each engine slot")
    show.add_argument("--log", type=Path, metavar="FILE", help="write the log to a file too, behind what is in it")
    show.add_argument(
        "--save-gig", type=Path, metavar="FILE.toml", help="write these flags to a file: `livemusviz live FILE.toml`"
    )
    show.add_argument(
        "--watchdog", action="store_true", help="should the show die or hang, start it again within seconds, as it was"
    )
    add_model_flags(parser)
    parser.add_argument(
        "--models", type=Path, action="append", default=[], metavar="DIR",
        help="a folder of models that /model may name, beside those in the Hugging Face cache",
    )  # fmt: skip
    stage = parser.add_argument_group("the stage")
    stage.add_argument("--canvas", metavar="WxH", help="pixels (1280x720, or 640x360 where the CPU draws)")
    stage.add_argument("--headless", action="store_true", help="no window")
    stage.add_argument("--fullscreen", action="store_true")
    stage.add_argument("--screen", type=screen_numbers, metavar="N[,N]", help="which screen, from 1; 1,2 spans two")
    stage.add_argument(
        "--operator",
        action=argparse.BooleanOptionalAction,
        help="a window with figures and a preview beside the canvas",
    )
    stage.add_argument(
        "--shaders", type=Path, action="append", default=[], metavar="DIR", help="a folder of ISF files, before ours"
    )
    stage.add_argument("--playlist", type=Path, metavar="FILE.toml", help="presets in turn, with durations")
    stage.add_argument("--no-quality-ladder", action="store_true", help="full canvas and chain at whatever rate")
    add_core_flags(parser)
    control = parser.add_argument_group("control")
    control.add_argument("--osc-host", default="127.0.0.1", metavar="HOST")
    control.add_argument("--osc-port", type=int, default=7000, metavar="PORT")
    control.add_argument(
        "--osc-out",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="where feedback goes besides to whoever spoke within the last minute; may be given several times",
    )
    control.add_argument(
        "--oscquery-port", type=int, metavar="PORT", help="OSCQuery by HTTP (the OSC port + 1); 0 is off"
    )
    control.add_argument(
        "--web",
        nargs="?",
        const=f"127.0.0.1:{WEB_PORT}",
        metavar="HOST:PORT",
        help=f"a page for a phone; HOST 0.0.0.0 lets the network in (127.0.0.1:{WEB_PORT})",
    )
    control.add_argument("--midi", default="auto", metavar="NAME", help="input by name, all, virtual or off")
    control.add_argument("--link", action="store_true", help="follow the tempo of an Ableton Link session")
    control.add_argument("--link-lead", action="store_true", help="offer the tempo that is heard or tapped to Link")
    add_knobs(parser)


def with_gig(words: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """Put the flags of a gig file in the place of its name, the first of `words`. UserError for a bad file."""
    from livemusviz.cli.gig import is_gig, read_gig

    if not words or not is_gig(words[0]):
        return words
    parser.set_defaults(gig=Path(words[0]))
    helps = {"-h", "--help"} & set(words)  # whatever the file says
    return words[1:] if helps else [*read_gig(Path(words[0]), parser), *words[1:]]


def save_flags(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Write the gig file that `--save-gig` asks for, once the flags are known to be good. UserError otherwise."""
    from livemusviz.cli.gig import save_gig

    if options.save_gig is not None:
        show_config(options)
        save_gig(options.save_gig, options, parser)


def run(options: argparse.Namespace) -> int:
    _check_files(options)
    if options.watchdog:
        from livemusviz.live.watchdog import watch

        with logged_to(options.log):
            return watch(partial(_one_life, options, secrets.token_urlsafe(12)))
    with logged_to(options.log):
        return _run(show_config(options))


def _check_files(options: argparse.Namespace) -> None:
    from livemusviz.cli.outputs import check_live

    written = {f"--{name}": getattr(options, name) for name in ("record", "stats", "trace", "log")}
    read = {"--input": options.input, "--playlist": options.playlist, "--init-image": options.init_image}
    read["--picture"] = _picture_file(options.picture)
    check_live(written, {"the gig file": getattr(options, "gig", None), **read})


def _run(config: LiveConfig) -> int:
    from livemusviz.live.show import run_live

    faulthandler.enable(2)  # standard error: a crash in a native library tells its thread and line
    return run_live(config)


def _one_life(options: argparse.Namespace, web_token: str, before: Handover, leave: Callable[[Handover], None]) -> int:
    """Run a show under the watchdog, in a process of its own: as the options say, or as the one before it was."""
    from livemusviz.cli import guarded
    from livemusviz.live.takeover import take_over

    def run(options: argparse.Namespace) -> int:
        with logged_to(options.log):
            config = show_config(options)
            config = replace(config, leave=leave, control=replace(config.control, web_token=web_token))
            return _run(take_over(config, before))

    return guarded(run, options)


def show_config(options: argparse.Namespace) -> LiveConfig:
    """Return the options checked. Raises UserError."""
    from livemusviz.audio.spec import AudioSpec
    from livemusviz.budget import decide
    from livemusviz.cli.core_flags import core_wishes
    from livemusviz.display.options import usual_canvas
    from livemusviz.errors import UserError
    from livemusviz.live.config import LiveConfig
    from livemusviz.machine import read_machine
    from livemusviz.sinks.spec import parse_outs
    from livemusviz.sizes import CANVAS_LIMITS, parse_size, within

    if options.wait_for_picture and AudioSpec(options.input).file is None:
        raise UserError("--wait-for-picture: only a sound file can wait; give one as --input FILE")
    screens = () if options.screen is None else tuple(map(int, str(options.screen).split(",")))
    size, machine = parse_size(options.size), read_machine()
    canvas = usual_canvas(machine.cpu_draws)
    if options.canvas is not None:
        canvas = parse_size(options.canvas, CANVAS_LIMITS, step=2)
    model = model_spec(options, stream=True)
    return LiveConfig(
        input=options.input,
        loop=not options.no_loop,
        wait_for_picture=options.wait_for_picture,
        onset=options.onset,
        model=model,
        models=model_folders(options.models),
        control_pictures=control_pictures(model, size),
        style_pictures=style_pictures(options),
        flags=given_flags(options),
        picture=_picture(options, size),
        pictures=_picture_folder(options.pictures),
        size=size,
        canvas=canvas,
        values=knob_values(options),
        headless=options.headless,
        fullscreen=options.fullscreen,
        screen=screens[0] if screens else None,
        span=screens[1:],
        operator=options.operator,
        shaders=checked_folders(options.shaders),
        playlist=options.playlist,
        quality_ladder=not options.no_quality_ladder,
        budget=decide(machine, core_wishes(options)),
        engine_fps=within("--engine-fps", options.engine_fps, 0.1, 240),
        duration=None if options.duration is None else within("--duration", options.duration, 0.1, 7 * 86400),
        stats=options.stats,
        trace=options.trace,
        record=options.record,
        recordings=options.recordings,
        record_source=options.record_source,
        container=options.container,
        control=_control(options),
        outs=parse_outs(options.out),
    )


def _picture(options: argparse.Namespace, size: tuple[int, int]) -> str:
    """Return the source of pictures that the flags name, "" for none. UserError for one that cannot be."""
    from livemusviz.errors import UserError
    from livemusviz.sources.spec import parse_picture

    if options.init_image is not None:
        if options.picture is not None:
            raise UserError("--init-image and --picture: give one of them")
        init_picture(options, size)
        return str(options.init_image)
    if options.picture is not None:
        parse_picture(options.picture)
    return options.picture or ""


def _picture_file(text: str | None) -> str | None:
    """Return the file that `--picture` names, if it names one. UserError for a name that means nothing."""
    from livemusviz.sources.spec import parse_picture

    spec = parse_picture(text) if text else None
    return spec.name if spec is not None and spec.is_file else None


def _picture_folder(folder: Path | None) -> Path | None:
    from livemusviz.errors import UserError

    if folder is not None and not folder.is_dir():
        raise UserError(f"--pictures {folder}: no such folder")
    return folder


def _control(options: argparse.Namespace) -> ControlOptions:
    from livemusviz.control.options import ControlOptions, parse_address
    from livemusviz.sizes import within

    osc_port = int(within("--osc-port", options.osc_port, 1, 65535))
    oscquery_port = min(osc_port + 1, 65535) if options.oscquery_port is None else options.oscquery_port
    return ControlOptions(
        host=options.osc_host,
        osc_port=osc_port,
        osc_outs=tuple(parse_address(text) for text in options.osc_out),
        oscquery_port=int(within("--oscquery-port", oscquery_port, 0, 65535)) or None,
        web=None if options.web is None else parse_address(options.web),
        midi=options.midi,
        link=options.link or options.link_lead,
        link_lead=options.link_lead,
    )


def screen_numbers(text: str) -> int | str:
    """Return the screen that `--screen` names, or several as they were given, with commas."""
    try:
        numbers = [int(each) for each in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:32]!r}: give a screen's number, or several as 1,2") from None
    if len(set(numbers)) != len(numbers) or len(numbers) > MOST_SCREENS:
        raise argparse.ArgumentTypeError(f"{text[:32]!r}: give a screen once, at most {MOST_SCREENS} of them, as 1,2")
    return numbers[0] if len(numbers) == 1 else ",".join(map(str, numbers))


def add_knobs(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every parameter that has one."""
    knobs = parser.add_argument_group("knobs (each is an OSC address too)")
    for param in FLAGGED:
        knobs.add_argument(_flag(param), dest=f"param_{param.name}", metavar=_metavar(param), help=_help(param))
    knobs.add_argument(
        "--no-flash-limit",
        dest="param_flash_limit",
        action="store_const",
        const="off",
        help="--flash-limit off",
    )


def knob_values(options: argparse.Namespace, start: Mapping[str, object] | None = None) -> Any:
    """Return the parameters: `start`, over it a preset's, then the flags' own."""
    from livemusviz.assets import load_preset, usable_shaders
    from livemusviz.params.values import ParamValues

    given = {param.name: getattr(options, f"param_{param.name}") for param in FLAGGED}
    flags = {param.name: _typed(param, given[param.name]) for param in FLAGGED if given[param.name] is not None}
    preset: Any = {}
    if flags.get("preset"):
        preset = load_preset(str(flags["preset"]), usable_shaders(getattr(options, "shaders", ()))[1]).values
    return ParamValues().with_values(
        {**control_values(options), **style_values(options), **(start or {}), **preset, **flags}
    )


def checked_folders(folders: list[Path]) -> tuple[Path, ...]:
    from livemusviz.errors import UserError

    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"--shaders {folder}: no such folder")
    return tuple(folders)


def model_folders(folders: list[Path]) -> tuple[Path, ...]:
    """Return the folders of --models. UserError for one that is none, or that holds no model."""
    from livemusviz.diffusion.catalogue import models_in
    from livemusviz.errors import UserError

    for folder in folders:
        if not models_in(folder):
            raise UserError(f"--models {folder}: no model in it, neither folder nor single file")
    return tuple(folders)


def _typed(param: Param, text: str) -> object:
    """Return the word of the command line as a number where the parameter is one; the registry checks the rest."""
    if not param.number:
        return text
    try:
        return int(text) if param.kind == "int" else float(text)
    except ValueError:
        return text  # the registry's own message says what it should have been


def _flag(param: Param) -> str:
    return "--" + param.name.replace("_", "-")


def _metavar(param: Param) -> str:
    words = {
        "int": "N",
        "float": "X",
        "choice": "|".join(param.choices),
        "prompts": "JSON",
        "seeds": "JSON",
        "ints": "JSON",
    }
    return words.get(param.kind, "TEXT")


def _help(param: Param) -> str:
    limits = f"; {param.limits}" if param.number else ""
    default = f" ({param.default})" if param.default not in ("", None, ()) else ""
    unit = f" {param.unit}" if param.unit else ""
    return f"{param.doc}{limits}{unit}{default}".replace("%", "%%")
