"""Publishes the show to the performer: notices by OSC, the state for every controller. Main thread."""

from __future__ import annotations

from livemusviz.bridge.control import ShowState
from livemusviz.bridge.engine import EngineStatus
from livemusviz.bridge.notices import Notices
from livemusviz.bridge.outputs import OutputStatus
from livemusviz.control.controllers import Controllers
from livemusviz.live.report import engine_name
from livemusviz.record.loop import RecordStatus
from livemusviz.session.step import Step


class Publisher:
    """`publish` once a display frame.

    message : the last notice's text, or "".
    unknown : words of the prompt that mean nothing to the model.
    """

    def __init__(
        self, control: Controllers, notices: Notices, presets: tuple[str, ...], models: tuple[str, ...] = ()
    ) -> None:
        """presets, models : names that a controller can choose."""
        self._control, self._notices, self._presets, self._models = control, notices, presets, models
        self._ticks = self._problems = 0
        self.message = ""
        self.unknown: tuple[str, ...] = ()
        self._asked: object = None

    def publish(
        self,
        step: Step,
        engine: EngineStatus,
        record: RecordStatus,
        inputs: tuple[str, ...] = (),
        outs: tuple[OutputStatus, ...] = (),
    ) -> None:
        """Send the notices since the last call and the present state. inputs : names of the audio inputs."""
        for notice in self._notices.drain():
            self.message = notice.text
            self._problems += 1
            self._control.error(notice.text)
        self._ticks += 1
        state = ShowState(
            tick=self._ticks,
            values=step.values.values,
            features=step.features,
            fps=engine.fps,
            engine=engine.state,
            beat=step.beat.beat,
            bpm=step.beat.bpm,
            tempo_source=step.beat.source,
            recording=record.seconds if record.state == "recording" else None,
            presets=self._presets,
            waiting=step.waiting,
            message=self.message,
            problems=self._problems,
            unknown=self._unknown_words(step, engine),
            unused=engine.unused,
            inputs=inputs,
            outs=outs,
            models=self._models,
            model=engine_name(engine),
        )
        self._control.publish(state)

    def _unknown_words(self, step: Step, engine: EngineStatus) -> tuple[str, ...]:
        """Return the words of the prompt that mean nothing to the model; looked up when either has changed."""
        params = step.values.params
        texts = tuple(text for text, _ in params.prompt_list) or (params.prompt,)
        asked = (texts, engine.unknown_words)
        if asked != self._asked:
            self._asked, self.unknown = asked, engine.unknown_words(texts)
        return self.unknown
