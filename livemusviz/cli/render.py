"""`livemusviz render`: a track in, a film out."""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livemusviz.cli.flashes import FAILS
from livemusviz.cli.live import add_knobs, knob_values
from livemusviz.cli.model_flags import (
    MODEL_FLAGS,
    add_model_flags,
    control_pictures,
    init_picture,
    model_spec,
    stills_for_all,
)  # fmt: skip

log = logging.getLogger(__name__)

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("track", type=Path, nargs="?", metavar="TRACK", help="wav, flac, mp3, ogg, m4a, ...")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.mp4|.mov|.mkv", help="the film to write")
    parser.add_argument("--from-log", type=Path, metavar="SHOW.jsonl", help="play a recorded show again")
    parser.add_argument("--cues", type=Path, metavar="FILE.toml", help="what changes at which time or bar")
    parser.add_argument("--canvas", metavar="WxH", help="pixels of the film (1280x720, or as the recorded show's)")
    parser.add_argument("--fps", default="30", metavar="N", help="film frames a second, also 29.97 (30)")
    parser.add_argument("--engine-fps", type=float, metavar="N", help="generated pictures a second (as --fps)")
    parser.add_argument("--batch", default="auto", metavar="auto|N", help="pictures at once (auto)")
    parser.add_argument("--shaders", type=Path, action="append", default=[], metavar="DIR", help="more ISF files")
    parser.add_argument("--playlist", type=Path, metavar="FILE.toml", help="presets to play, for --autopilot")
    parser.add_argument("--until", type=float, metavar="SECONDS", help="only the beginning of the track")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted render")
    parser.add_argument("--overwrite", action="store_true", help="replace a film of that name")
    parser.add_argument(
        "--check-flashes",
        action="store_true",
        help=f"say whether the film flashes too often (exit status {FAILS}); without -o, TRACK is a film to check",
    )
    parser.add_argument("--stats", type=Path, metavar="FILE.json", help="write the figures at the end")
    add_model_flags(parser)
    parser.set_defaults(refuse=parser.error)
    parser.set_defaults(**dict.fromkeys(MODEL_FLAGS))  # to see what was given, over what a show log says
    add_knobs(parser)


def run(options: argparse.Namespace) -> int:
    from livemusviz.cli.flashes import check_film
    from livemusviz.cli.outputs import check_files
    from livemusviz.errors import UserError
    from livemusviz.figures import write_json
    from livemusviz.render.progress import clock
    from livemusviz.render.run import run_render

    if options.track is None and options.from_log is None:
        raise UserError("give a TRACK, or --from-log SHOW.jsonl")
    if options.output is None and options.check_flashes and options.from_log is None:
        return _check(options)
    if options.output is None:
        options.refuse("-o/--output: name the film to write")
    read = {"TRACK": options.track, "--from-log": options.from_log, "--cues": options.cues}
    check_files({"--stats": options.stats}, {"-o": options.output, "--playlist": options.playlist, **read})
    figures = run_render(_config(options))
    if figures is None:
        return 0
    numbers = asdict(figures) | {"output": str(figures.output)}
    reached = clock(figures.frames * 1.0 / float(_fps(options)))
    if not figures.finished:
        status = INTERRUPTED
        print(f"{figures.output}: stopped at {reached}; it plays so far, and --resume goes on with it")
    else:
        status = 0
        print(
            f"{figures.output}: {reached}, {figures.frames} frames, {figures.fps:.1f} a second, sound {figures.sound}"
        )
        if options.check_flashes:
            status, numbers["flashes"] = check_film(figures.output)
    if options.stats is not None:
        write_json(options.stats, numbers)
    return status


def _check(options: argparse.Namespace) -> int:
    """Check the film that is given in the place of a track. Return the exit status."""
    from livemusviz.cli.flashes import check_film
    from livemusviz.cli.outputs import check_files
    from livemusviz.figures import write_json

    check_files({"--stats": options.stats}, {"TRACK": options.track})
    status, counted = check_film(options.track)
    if options.stats is not None:
        write_json(options.stats, {"flashes": counted})
    return status


def _config(options: argparse.Namespace) -> Any:
    from livemusviz.assets import load_playlist, load_preset, usable_shaders
    from livemusviz.cli.live import checked_folders
    from livemusviz.director.cuefile import MAX_BYTES, parse_cues
    from livemusviz.errors import UserError
    from livemusviz.render.options import FILM_VALUES, RenderConfig, parse_batch
    from livemusviz.render.replay import load_replay
    from livemusviz.sizes import parse_size, within

    fps = _fps(options)
    engine = within("--engine-fps", options.engine_fps or float(fps), 0.1, 240)
    cues: list[Any] = []
    if options.cues is not None:
        headers = usable_shaders(options.shaders)[1]
        cues = parse_cues(
            options.cues.name, _read(options.cues, MAX_BYTES), lambda name: load_preset(name, headers).values
        )
    if options.playlist is not None:
        load_playlist(options.playlist)  # before the track is listened to
    replay = load_replay(options.from_log, options.track) if options.from_log is not None else None
    for name, (kind, default) in MODEL_FLAGS.items():
        logged = replay.flags.get(name) if replay is not None else None
        if getattr(options, name) is None:
            setattr(options, name, logged if isinstance(logged, kind) else default)
    size = parse_size(options.size)
    if options.style:
        raise UserError("--style: a film has no styles yet; leave it out")
    model = stills_for_all(model_spec(options), options.init_image)
    return RenderConfig(
        track=options.track if replay is None else replay.track,
        output=options.output,
        model=model,
        control_pictures=control_pictures(model, size),
        picture=init_picture(options, size),
        size=size,
        canvas=_canvas(options, replay),
        fps=fps,
        every=max(1, round(float(fps) / engine)),
        batch=parse_batch(options.batch),
        values=knob_values(options, {**(replay.values if replay is not None else {}), **FILM_VALUES}),
        cues=cues,
        replay=replay,
        shaders=checked_folders(options.shaders),
        playlist=options.playlist,
        until=None if options.until is None else within("--until", options.until, 0.1, 12 * 3600),
        resume=options.resume,
        overwrite=options.overwrite,
    )


def _canvas(options: argparse.Namespace, replay: Any) -> Any:
    from livemusviz.sizes import CANVAS_LIMITS, parse_size

    if options.canvas:
        return parse_size(options.canvas, CANVAS_LIMITS, step=2)
    return (1280, 720) if replay is None else replay.canvas


def _fps(options: argparse.Namespace) -> Any:
    from livemusviz.render.options import parse_fps

    return parse_fps(options.fps)


def _read(path: Path, most: int) -> bytes:
    from livemusviz.errors import UserError
    from livemusviz.regular import read_regular

    try:
        return read_regular(path, most)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
