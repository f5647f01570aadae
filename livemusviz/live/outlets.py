"""Hands the canvas to all that take it beside the windows: recorder, outputs, phones. Main thread; never waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from livemusviz.audio.host import AudioHost
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.notices import Notices
from livemusviz.bridge.outputs import CanvasTexture
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import Clock
from livemusviz.control.controllers import Controllers
from livemusviz.errors import UserError
from livemusviz.live.config import LiveConfig
from livemusviz.record.loop import Recorder, RecordSummary
from livemusviz.record.settings import Effort
from livemusviz.sinks.outputs import Outputs

About = Callable[[], Mapping[str, Any]]


class Outlets:
    """Hands canvases out. `start` it once the audio process runs, `step` it once a display frame, `close` it.

    recorder : of the canvas, or of the model's own frames.  outputs : those of `--out`.
    """

    def __init__(
        self,
        config: LiveConfig,
        clock: Clock,
        notices: Notices,
        audio: AudioHost,
        control: Controllers,
        about: About,
    ) -> None:
        """about : the first line of a recording's log."""
        self._config, self._notices, self._audio, self._control = config, notices, audio, control
        self._from_canvas = config.record_source == "canvas"
        effort = Effort(config.budget.encoder_threads, config.budget.encoder_preset)
        self.outputs = Outputs(config.outs, config.canvas, clock, notices, effort, shares=self._from_canvas)
        self.recorder = Recorder(
            config.recordings,
            config.canvas if self._from_canvas else config.size,
            clock,
            audio.block_reader().read,
            about=about,
            suffix=f".{config.container}",
            effort=effort,
            notices=notices,
            streams=self.outputs,
        )

    def start(self) -> None:
        """Make ready for the outputs, and begin the recording of `--record`. UserError if either cannot be."""
        self.outputs.start(lambda: self._audio.block_ring)
        if self._config.record is None:
            return
        try:
            self.recorder.prepare()
            self.recorder.start(self._config.record)
        except UserError as error:
            if not self._config.before.restarts:
                raise  # a show that goes on with another one's recording is better without it than not at all
            self._notices.error(str(error), "show")

    def close(self) -> list[RecordSummary]:
        """End every output and the recording. Returns what was recorded since the recorder was last asked."""
        self.outputs.close()
        summary = self.recorder.stop()
        return self.recorder.take_finished() + ([] if summary is None else [summary])

    def wants_pictures(self) -> bool:
        """Return True if somebody takes the canvas's pixels now."""
        return self._records_canvas() or self.outputs.wants_pictures or self._control.wants_pictures()

    def put_picture(self, picture: CanvasPicture) -> None:
        """Hand on the canvas's pixels, which must not change afterwards."""
        if self._records_canvas():
            self.recorder.put(picture)
        self.outputs.put(picture)
        if self._control.wants_pictures():
            self._control.put_picture(picture)

    @property
    def put_texture(self) -> Callable[[CanvasTexture], object] | None:
        """Return what takes every canvas on the GPU; None where no output does."""
        return self.outputs.put_texture if self.outputs.wants_textures else None

    def put_frame(self, frame: Frame) -> None:
        """Record a generated frame, where the model's own are recorded."""
        if not self._from_canvas and self.recorder.recording:
            self.recorder.put(CanvasPicture(frame.image, frame.time))

    def _records_canvas(self) -> bool:
        return self._from_canvas and self.recorder.wants_pictures
