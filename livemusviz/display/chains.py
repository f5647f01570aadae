"""Draws the present chain, and the last one while it fades out. Runs on the thread that owns the context."""

from __future__ import annotations

from collections.abc import Mapping

import moderngl

from livemusviz.bridge.view import Effect, Scene
from livemusviz.curves import smoothstep
from livemusviz.display.bank import ShaderBank
from livemusviz.display.chain import Chain, Job
from livemusviz.display.layers import Layer
from livemusviz.display.plain import PlainShaders
from livemusviz.display.state import State
from livemusviz.errors import UserError

SCENE_FADE = 2.0  # s, the longest that two chains are drawn at once


class Chains:
    """`take_scene` and `draw` once per display frame."""

    def __init__(
        self, ctx: moderngl.Context, size: tuple[int, int], bank: ShaderBank, problems: list[str], plain: PlainShaders
    ) -> None:
        """size : of the canvas, pixels.  problems : takes a line for a chain that does not compile."""
        self._ctx, self._bank, self._problems, self._plain = ctx, bank, problems, plain
        self._chain = self._made(tuple(each.shader for each in Scene().chain))
        self._old: Chain | None = None
        self._gone: list[Chain] = []
        self._effects: Mapping[str, Effect] = {}
        self._old_effects: Mapping[str, Effect] = {}
        self._old_share, self._old_rate = 0.0, 0.0  # of the old chain in the picture, above 1 until it goes; 1/s
        self._fading = [Layer(ctx, size) for _ in range(2)]
        self._refused: tuple[str, ...] | None = None  # a chain that does not compile, reported once
        self._rebuild = False  # a file of the chain was repaired

    @property
    def wants_sound(self) -> bool:
        """Return True if a filter draws the sound."""
        return self._chain.wants_sound or (self._old is not None and self._old.wants_sound)

    def take_scene(self, scene: Scene, fade: float) -> None:
        """Let the scene's filters come in with the end of the `fade` s that its pictures take.

        On the pictures before them they can be a poor match: hard contrast turns a dark picture black. A chain that
        does not compile changes nothing.
        """
        names = tuple(each.shader for each in scene.chain)
        if (names != self._chain.names or self._rebuild) and names != self._refused:
            self._rebuild = False
            try:
                chain = self._made(names)
            except UserError as error:
                self._refused = names
                self._problems.append(str(error))
            else:
                self._refused = None
                self._switch(chain, fade)
        if names == self._chain.names:
            self._effects = {each.shader: each for each in scene.chain}

    def draw(self, picture: Layer, keep: Layer | None, job: Job) -> Layer:
        """Return the picture through the chain, and through the old one too while that goes out. Nothing is drawn into
        `keep`."""
        for chain in self._gone:
            chain.release()
        self._gone.clear()
        self._old_share -= self._old_rate * job.dt
        if self._old is not None and self._old_share >= 1.0:
            return self._old.draw(picture, keep, job, self._old_effects)
        result = self._chain.draw(picture, keep, job, self._effects)
        if self._old is None:
            return result
        if self._old_share <= 0.0:
            self._gone.append(self._old)  # not yet: the last picture may be in it
            self._old = None
            return result
        old = self._old.draw(picture, keep, job, self._old_effects)
        if self._fading[0].size != job.size:
            for layer in self._fading:
                layer.release()
            self._fading = [Layer(self._ctx, job.size) for _ in range(2)]
        target = self._fading[1] if keep is self._fading[0] else self._fading[0]
        self._plain.mix(result, old, smoothstep(self._old_share), target)
        return target

    def take_edited(self, names: set[str]) -> None:
        """Build the chain again if one of these shaders, which did not compile and were edited, is in it."""
        self._refused = None
        self._rebuild = self._rebuild or bool(names & set(self._chain.names))

    def layers(self) -> list[Layer]:
        """Return every layer that a picture may be in."""
        chains = [self._chain, *([] if self._old is None else [self._old]), *self._gone]
        return [*self._fading, *(layer for chain in chains for layer in chain.layers())]

    def exchange(self, state: State) -> None:
        """Save or restore what the next canvas depends on."""
        self._old_share = state.value("old share", self._old_share)
        self._old_rate = state.value("old rate", self._old_rate)
        state.part("chain", self._chain)
        if self._old is not None:
            state.part("old", self._old)
        for i, layer in enumerate(self._fading):
            state.layer(f"fading {i}", layer)

    def _made(self, names: tuple[str, ...]) -> Chain:
        return Chain(self._ctx, names, self._bank, self._plain.copy)

    def _switch(self, chain: Chain, fade: float) -> None:
        if self._old is not None:
            self._gone.append(self._old)
        self._old, self._chain = self._chain, chain
        self._old_effects = self._effects
        length = min(fade, SCENE_FADE)
        self._old_share, self._old_rate = (fade / length, 1.0 / length) if fade > 0.0 else (0.0, 0.0)
