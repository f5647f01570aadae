"""What a running show tells of itself: the lines of the HUD, the figures of `--stats`, the slots of `--trace`.

All of it reads a `Show` and changes nothing. Main thread, but for `Trace.slot`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from livemusviz.bridge.frames import Controls
from livemusviz.diffusion.folder import model_name
from livemusviz.diffusion.loop import Engine
from livemusviz.director.desk import Desk
from livemusviz.display.options import DisplayStats
from livemusviz.errors import UserError
from livemusviz.stats import peak_rss_mb, percentiles

if TYPE_CHECKING:
    from livemusviz.show import Show

LATELY = 60  # frames behind the HUD's medians


def engine_fps(engine: Engine) -> float:
    """Generated frames a second, over the last ones."""
    recent = engine.recent_frames()
    return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0


def hud_lines(show: Show) -> tuple[str, ...]:
    """How things are, in lines for the operator; problems last."""
    heard, audio, engine, health = show.features, show.audio.status, show.engine, show.health
    spent = percentiles(list(engine.seconds)[-LATELY:]) or {"p50": 0.0}
    late = percentiles(list(show.stats.audio_to_frame)[-LATELY:]) or {"p50": 0.0}
    recording = _clock(show.recorder.status.seconds) if show.recorder.recording else "off"
    limited = "   flash limiter at work" if health.limited else ""
    quality = f"stalls {health.stalls}  quality {health.quality}{limited}"
    lines = (
        f"canvas {health.fps:.1f} fps  {health.work_ms:.1f} ms  {quality}",
        f"{engine.state}  {engine.about.get('model', '')}  {engine_fps(engine):.1f} fps  {spent['p50']:.0f} ms"
        f"  sound to picture {late['p50']:.0f} ms",
        f"audio {audio.state}  {audio.device}  overflows {audio.overflows}",
        f"{heard.bpm:.0f} bpm   onsets {heard.onsets}   energy {heard.energy:.2f}",
        f"preset  {show.values.params.preset or '-'}{'  locked' if show.values.params.lock else ''}",
        f"prompt  {show.values.params.prompt}",
        f"recording {recording}   osc port {show.control.osc.port}",
        _tempo_line(show.desk),
        *show.control.hud_lines(),
    )
    problems = dict.fromkeys(text for text in (audio.message, engine.message, show.error) if text)
    return lines + tuple(problems)


def _tempo_line(desk: Desk) -> str:
    beat, waiting = desk.tempo.now(), ", ".join(desk.waiting)
    bar = "".join("|" if i == int(beat.beat) % beat.beats_per_bar else "." for i in range(beat.beats_per_bar))
    return f"tempo {beat.bpm:.1f} {beat.source}  {bar}" + (f"  waiting: {waiting}" if waiting else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def figures(show: Show, shown: DisplayStats) -> dict[str, Any]:
    """The figures of `--stats`, at the end of a show."""
    engine, audio = show.engine, show.audio.status
    return {
        "seconds": round(shown.seconds, 3),
        "display_fps": round(shown.display_fps, 2),
        "frames_shown": shown.frames_shown,
        "frames_generated": engine.generated,
        "frames_skipped": engine.skipped,
        "unet_evaluations": {"full": engine.grades[3], "shallow": engine.grades[2], "none": engine.grades[1]},
        "joules": show.energy.joules(),
        "first_frame_s": show.stats.first_frame and round(show.stats.first_frame - show.started, 3),
        "frame_ms": {"p50": shown.frame_ms_p50, "p99": shown.frame_ms_p99, "max": round(shown.frame_ms_max, 2)},
        "stalls": shown.stalls,
        "stalls_at": list(shown.stalls_at),
        "display_work_ms": {"p50": shown.work_ms_p50, "p99": shown.work_ms_p99},
        "generate_ms": percentiles(engine.seconds),
        "audio_to_frame_ms": percentiles(show.stats.audio_to_frame),
        "onset_to_shader_ms": percentiles(show.stats.onset_to_shader),
        "onsets": show.features.onsets,
        "audio_overflows": audio.overflows,
        "audio": {"state": audio.state, "device": audio.device, "blocks": audio.blocks, "restarts": audio.restarts},
        "osc_messages": show.control.osc.counts.messages,
        "osc_rejected": show.control.osc.counts.rejected,
        "recordings": [asdict(summary) | {"path": str(summary.path)} for summary in show.recorded],
        "engine_failures": engine.failures,
        "restarts": show.config.before.restarts,
        "peak_rss_mb": peak_rss_mb(),
        "model": engine.about.get("model", model_name(show.config.model.folder)),
        "size": list(show.config.size),
        "backend": engine.about.get("backend", ""),
        "blas": engine.about.get("blas", ""),
        "renderer": shown.renderer,
        "canvas": list(show.config.canvas),
        "quality": shown.quality,
        "budget": show.config.budget.figures(),
        "display_errors": shown.errors,
        "error": show.error or engine.message,
    }


class Trace:
    """Writes a line of JSON for each slot of the engine; runs on the engine thread."""

    def __init__(self, file: TextIO, show: Show) -> None:
        self._file, self._show = file, show

    def slot(self, controls: Controls) -> None:
        features, epoch = self._show.conducted, self._show.audio.epoch
        line = {
            "time": round(self._show.clock.now() - epoch, 4),
            "sound_time": round(controls.time - epoch, 4),
            "computed": controls.compute,
            "grade": controls.grade,
            "onsets": features.onsets,
            "energy": round(features.energy, 3),
            "fade": round(controls.fade, 3),
        }
        self._file.write(json.dumps(line) + "\n")


def open_trace(path: Path) -> TextIO:
    """UserError if it cannot be written."""
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
