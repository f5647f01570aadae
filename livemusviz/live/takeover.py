"""Decides how a show continues one that died. Pure but for looking for a free file name."""

from __future__ import annotations

from dataclasses import replace

from livemusviz.bridge.handover import Handover
from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.live.config import LiveConfig
from livemusviz.record.files import next_part

PATIENCE = 3  # deaths in a row under a minute, after which the embedded model takes the model's place
SHORTEST = 0.1  # s of a show that has no time left


def take_over(config: LiveConfig, before: Handover) -> LiveConfig:
    """Return the options of the show that continues the one that left `before`; `config` for the first show."""
    if not before.values:
        return config
    values = {name: value for name, value in before.values.items() if not name.startswith(("fx/", "out/"))}
    model = config.model
    if before.short_lives >= PATIENCE:
        model = ModelSpec(resolve_model(EMBEDDED))
        values.pop("model", None)  # the model that it was changed to may be the reason
    return replace(
        config,
        before=before,
        model=model,
        values=config.values.with_values(values),
        record=None if before.recording is None else next_part(before.recording),
        duration=None if config.duration is None else max(SHORTEST, config.duration - before.seconds),
    )
