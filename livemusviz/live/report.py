"""Formats a snapshot of a show: the lines of the HUD, the figures of `--stats`. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from livemusviz.bridge.engine import EngineStatus
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Reuse
from livemusviz.bridge.outputs import WAITING, OutputStatus
from livemusviz.bridge.sound import AudioStatus
from livemusviz.bridge.sources import PictureStatus
from livemusviz.bridge.view import Meter
from livemusviz.diffusion.folder import model_name
from livemusviz.director.tempo import Beat
from livemusviz.display.options import DisplayHealth, DisplayStats
from livemusviz.display.pacer import Gate
from livemusviz.figures import peak_rss_mb, percentiles
from livemusviz.live.config import LiveConfig
from livemusviz.live.stats import ShowStats
from livemusviz.params.registry import BY_NAME
from livemusviz.record.loop import RecordStatus, RecordSummary
from livemusviz.session.step import Step

HUD_RATE = 5.0  # Hz, how often its lines are made
LEAST_RMS = 1e-5  # linear; below it nothing is heard
METER_FALL = 12.0  # dB/s, how fast the meter's peak comes down


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Holds the state of a show at one moment."""

    step: Step
    """The performance."""
    audio: AudioStatus
    """The audio process."""
    engine: EngineStatus
    """The engine after its last slot."""
    display: DisplayHealth
    """The last second of the display."""
    record: RecordStatus
    """The recorder."""
    picture: PictureStatus
    """The source of pictures."""
    osc_port: int
    """UDP port that is listened on."""
    late_ms: float
    """ms, median from a sound to its picture, over the last frames."""
    message: str = ""
    """The last error, or ""."""
    unknown: tuple[str, ...] = ()
    """Words of the prompt that mean nothing to the model."""
    outs: tuple[OutputStatus, ...] = ()
    """The outputs of the canvas."""
    controllers: tuple[str, ...] = ()
    """Lines about the web remote and MIDI."""


def hud_lines(now: Snapshot) -> tuple[str, ...]:
    """Return the state of the show in lines for the operator; problems last."""
    features, params = now.step.features, now.step.values.params
    audio, engine, display = now.audio, now.engine, now.display
    spent = percentiles(engine.seconds) or {"p50": 0.0}
    recording = _clock(now.record.seconds) if now.record.state == "recording" else "off"
    limited = "   flash limiter at work" if display.limited else ""
    idle = [name for name in engine.unused if now.step.values.value(name) != BY_NAME[name].default]
    striped = "   striped pattern" if display.striped else ""
    quality = f"stalls {display.stalls}  quality {display.quality}{limited}{striped}"
    lines = (
        f"canvas {display.fps:.1f} fps  {display.work_ms:.1f} ms  {quality}" if display.fps else "canvas starting",
        _engine_line(engine, spent["p50"], now.late_ms),
        f"audio {audio.state}  {audio.device}  overflows {audio.overflows}",
        hearing_line(features, params.sensitivity),
        f"{features.bpm:.0f} bpm   onsets {features.onsets}   energy {features.energy:.2f}",
        f"preset  {params.preset or '-'}{'  locked' if params.lock else ''}",
        f"prompt  {params.prompt}",
        *([f"picture {now.picture.name}  {now.picture.state}"] if now.picture.name else []),
        *([f"not known to the model: {', '.join(now.unknown)}"] if now.unknown else []),
        *([f"without effect in this model: {', '.join(idle)}"] if idle else []),
        f"recording {recording}   osc port {now.osc_port}",
        _tempo_line(now.step.beat, now.step.waiting),
        *map(output_line, now.outs),
        *now.controllers,
    )
    problems = dict.fromkeys(text for text in (audio.message, now.picture.message, engine.message, now.message) if text)
    return lines + tuple(problems)


def hearing_line(features: AudioFeatures, sensitivity: float) -> str:
    """Return the level, and the onset curve beside its threshold: what to look at while setting `/sensitivity`."""
    level = f"{20.0 * math.log10(features.rms):.0f} dB" if features.rms > LEAST_RMS else "nothing"
    return (
        f"hears {level}   onset curve {features.novelty:.2f} of {1.0 / sensitivity:.2f} (sensitivity {sensitivity:g})"
    )


def output_line(out: OutputStatus) -> str:
    """Return the state of an output, with the last error only while it lasts."""
    dropped = f"  {out.dropped} dropped" if out.dropped else ""
    reason = f"  {out.message}" if out.state == WAITING and out.message else ""
    return f"out {out.name}  {out.state}  {out.target}{dropped}{reason}"


def _engine_line(engine: EngineStatus, spent_ms: float, late_ms: float) -> str:
    """Return the lines of figures, once there are some."""
    name = f"{engine.state}  {engine_name(engine)}".rstrip()
    if not engine.generated:
        return name
    return f"{name}  {engine.fps:.1f} fps  {spent_ms:.0f} ms  sound to picture {late_ms:.0f} ms"


def engine_name(engine: EngineStatus) -> str:
    """Return the model that draws, and the one that is being opened."""
    name = engine.about.get("model", "")
    if engine.opening is None:
        return name
    return f"{name}, opening {engine.opening or 'the first model'}"


def _tempo_line(beat: Beat, waiting: Sequence[str]) -> str:
    bar = "".join("|" if i == int(beat.beat) % beat.beats_per_bar else "." for i in range(beat.beats_per_bar))
    return f"tempo {beat.bpm:.1f} {beat.source}  {bar}" + (f"  waiting: {', '.join(waiting)}" if waiting else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def recorded_line(recorded: Sequence[RecordSummary]) -> str:
    """Return what was recorded, where, and how long each is (minutes:seconds)."""
    each = [f"{summary.path.absolute()} ({_clock(summary.seconds)})" for summary in recorded]
    return f"recorded {', '.join(each)}"


class OperatorFigures:
    """Makes the lines and the meter of the HUD. `step` once a display frame."""

    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()
        self.meter = Meter()
        self._gate = Gate(HUD_RATE)
        self._time: float | None = None

    def step(self, now: float, features: AudioFeatures, snapshot: Callable[[], Snapshot] | None) -> None:
        """Advance to `now`, s. snapshot : called a few times a second; None makes no lines."""
        dt = 0.0 if self._time is None else now - self._time
        self._time = now
        peak = max(features.rms, self.meter.peak * 10.0 ** (-dt * METER_FALL / 20.0))
        beat = features.beat_phase if features.bpm > 0.0 else None
        self.meter = Meter(features.rms, peak, features.onset_strength, beat)
        if snapshot is not None and self._gate.opens(now):
            self.lines = hud_lines(snapshot())


def figures(now: Snapshot, config: LiveConfig, stats: ShowStats, shown: DisplayStats) -> dict[str, Any]:
    """Return the figures of `--stats`, at the end of a show."""
    engine, audio = now.engine, now.audio
    return {
        "seconds": round(shown.seconds, 3),
        "display_fps": round(shown.display_fps, 2),
        "frames_shown": shown.frames_shown,
        "frames_generated": engine.generated,
        "frames_skipped": engine.skipped,
        "unet_evaluations": {
            "full": engine.reused[Reuse.NONE],
            "shallow": engine.reused[Reuse.DEEP_FEATURES],
            "none": engine.reused[Reuse.LATENTS],
        },
        "joules": stats.energy.joules(),
        "first_frame_s": stats.first_frame and round(stats.first_frame - stats.began, 3),
        "frame_ms": {"p50": shown.frame_ms_p50, "p99": shown.frame_ms_p99, "max": round(shown.frame_ms_max, 2)},
        "stalls": shown.stalls,
        "stalls_at": list(shown.stalls_at),
        "display_work_ms": {"p50": shown.work_ms_p50, "p99": shown.work_ms_p99},
        "generate_ms": percentiles(stats.generate),
        "audio_to_frame_ms": percentiles(stats.audio_to_frame),
        "onset_to_shader_ms": percentiles(stats.onset_to_shader),
        "onsets": now.step.features.onsets,
        "audio_overflows": audio.overflows,
        "audio": {"state": audio.state, "device": audio.device, "blocks": audio.blocks, "restarts": audio.restarts},
        "picture": {
            "name": now.picture.name,
            "state": now.picture.state,
            "pictures": now.picture.pictures,
            "restarts": now.picture.restarts,
        },
        "osc_messages": stats.osc.messages,
        "osc_rejected": stats.osc.rejected,
        "recordings": [asdict(summary) | {"path": str(summary.path)} for summary in stats.recorded],
        "outs": [asdict(out) for out in now.outs],
        "engine_failures": engine.failures,
        "restarts": config.before.restarts,
        "peak_rss_mb": peak_rss_mb(),
        "model": engine.about.get("model", model_name(config.model.folder)),
        "size": list(config.size),
        "backend": engine.about.get("backend", ""),
        "blas": engine.about.get("blas", ""),
        "renderer": shown.renderer,
        "canvas": list(config.canvas),
        "quality": shown.quality,
        "budget": config.budget.figures(),
        "display_errors": shown.errors,
        "error": now.message or engine.message,
    }
