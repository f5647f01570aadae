"""Draws the picture under the chain: generated frames, cross-faded, over the idle scene. Runs on the thread that owns
the context.

    idle scene -----------------------------------------.
    frame -> enlarge or fit -> transition --> the stage --+-> the base of the chain
                                 ^ what was on the stage
"""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np

from livemusviz.bridge.frames import Frame
from livemusviz.bridge.view import Effect, Scene, View
from livemusviz.display.bank import ShaderBank
from livemusviz.display.chain import Slot
from livemusviz.display.context import draws_in_software
from livemusviz.display.fade import FadeClock
from livemusviz.display.layers import Layer
from livemusviz.display.plain import PlainShaders
from livemusviz.display.rehearsal import Size
from livemusviz.display.state import State
from livemusviz.display.sway import Sway
from livemusviz.errors import UserError

MOST, MOST_IN_SOFTWARE = 16.0, 1.5
"""Times that a generated picture is enlarged before its transition: with a GPU to the canvas; in software at most to
384x216 for 256x256, so that the transition, once a display frame, stays cheap. Bilinear filtering does the rest."""
IDLE_FADE = 1.5  # s, from the idle scene to the first generated frame


class SlotBank:
    """Makes the slots of single shaders, and changes them as scenes come and go."""

    def __init__(self, bank: ShaderBank, problems: list[str]) -> None:
        """problems : takes a line for a shader that does not compile."""
        self._bank, self._problems = bank, problems

    def slot(self, name: str) -> Slot:
        """Return a slot. UserError if its shader does not compile."""
        return Slot(self._bank.get(name), self._bank)

    def changed(self, slot: Slot, name: str) -> Slot:
        """Return a slot with the shader of that name, or `slot` if it does not compile."""
        if slot.shader.path == self._bank.paths.get(name):
            return slot
        known = self._bank.has(name)
        try:
            shader = self._bank.get(name)
        except UserError as error:
            if not known:
                self._problems.append(str(error))
            return slot
        slot.release()
        return Slot(shader, self._bank)


class IdleScene:
    """Draws the idle scene, which is seen until there is a generated frame.

    layer : its picture.  share : of it in the base, 1 at first; falls to 0 once frames come.
    """

    def __init__(self, ctx: moderngl.Context, size: Size, slots: SlotBank, plain: PlainShaders) -> None:
        self.layer, self.share = Layer(ctx, size), 1.0
        self._slots, self._plain = slots, plain
        self._slot, self._fallback = (slots.slot(Scene().idle.shader) for _ in range(2))

    def take_scene(self, scene: Scene) -> None:
        """Change to the scene's shader, if it compiles."""
        self._slot = self._slots.changed(self._slot, scene.idle.shader)

    def fade_out(self, dt: float) -> None:
        """Advance the fade to the generated frames by `dt` s."""
        self.share = max(self.share - dt / IDLE_FADE, 0.0)

    def draw(self, effect: Effect, dt: float, images: Mapping[str, moderngl.Texture]) -> None:
        """Draw the scene into its layer, or the program's own scene if it cannot be drawn."""
        picture = self._slot.draw(self.layer, dt, effect, images)
        picture = picture or self._fallback.draw(self.layer, dt, Scene().idle, images)
        if picture is not None and picture is not self.layer:
            self._plain.copy(picture, self.layer)

    def exchange(self, state: State) -> None:
        """Save or restore what the next canvas depends on."""
        self.share = state.value("share", self.share)
        state.layer("layer", self.layer)
        state.part("slot", self._slot)
        state.part("fallback", self._fallback)


class BasePicture:
    """`show` a frame when there is a new one, `draw` once per display frame. `idle` : the idle scene."""

    def __init__(
        self, ctx: moderngl.Context, canvas: Size, bank: ShaderBank, problems: list[str], plain: PlainShaders
    ) -> None:
        """canvas : its (width, height) in pixels.  problems : takes lines for the operator."""
        self._ctx, self._canvas, self._plain = ctx, canvas, plain
        self._software = draws_in_software(ctx)
        self._slots = SlotBank(bank, problems)
        idle_size = max(canvas[0] // 2, 8), max(canvas[1] // 2, 8)
        self.idle = IdleScene(ctx, idle_size, self._slots, plain)
        self._stage, self._before, self._next, self._mixed = (Layer(ctx, idle_size) for _ in range(4))
        self._frame: moderngl.Texture | None = None
        self._fade, self._sway = FadeClock(), Sway()
        self._progress = 0.0  # of the transition, that the stage was drawn with
        self._transition, self._crossfade = (self._slots.slot("crossfade") for _ in range(2))

    def show(self, frame: Frame, now: float) -> None:
        """Begin the cross-fade from what is on the stage to `frame`. ValueError unless it is uint8 (H, W, 4)."""
        image = frame.image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 4 or image.size == 0:
            raise ValueError(f"frame {frame.seq}: {image.dtype} {image.shape} is not uint8 (H, W, 4)")
        size = (image.shape[1], image.shape[0])
        first = self._frame is None
        texture = self._frame if self._frame is not None and self._frame.size == size else self._take_size(size)
        texture.write(np.ascontiguousarray(image[::-1]))
        self._stage, self._before = self._before, self._stage
        scale = cover(size, self._canvas)
        larger = self._next.size[0] > scale[0] * size[0] + 1
        (self._plain.enlarge if larger else self._plain.fit)(texture, self._next, scale)
        self._fade.arrived(now)
        self._progress = -1.0
        if first:  # nothing to fade from but the idle scene, which has a longer fade of its own
            self._plain.copy(self._next, self._before)

    def stage_size(self, image: Size) -> Size:
        """Return the size of the generated picture on the canvas, see the function of that name."""
        return stage_size(image, self._canvas, MOST_IN_SOFTWARE if self._software else MOST)

    def take_scene(self, scene: Scene) -> None:
        """Change to the scene's idle scene and transition, if they compile."""
        self.idle.take_scene(scene)
        self._transition = self._slots.changed(self._transition, scene.transition.shader)

    def draw(self, now: float, dt: float, view: View) -> Layer:
        """Return the stage, the idle scene, or a mixture of both, at `now` (s), `dt` s after the last."""
        sway = None
        self._fade.shortest = view.frame_fade
        if self._frame is not None:
            self.idle.fade_out(dt)
            progress = self._fade.progress(now, dt)
            if progress != self._progress:
                self._transit(view.scene.transition, progress, dt)
            sway = self._sway.step(progress == 1.0, view.energy, view.sway, dt)
        if self.idle.share == 0.0:
            return self._stage if sway is None else self._swayed(sway)
        self.idle.draw(view.scene.idle, dt, {"": self._stage.texture})
        if self._frame is None:
            return self.idle.layer
        effect = Effect("crossfade", (("progress", 1.0 - self.idle.share),))
        self._cross(self._crossfade, self._mixed, self.idle.layer, self._stage, effect, dt)
        return self._mixed

    def exchange(self, state: State) -> None:
        """Save or restore what the next canvas depends on."""
        self._progress = state.value("progress", self._progress)
        for name, layer in (("stage", self._stage), ("before", self._before), ("next", self._next)):
            state.layer(name, layer)
        for part, stateful in (("idle", self.idle), ("fade", self._fade), ("sway", self._sway)):
            state.part(part, stateful)
        state.part("transition", self._transition)
        state.part("crossfade", self._crossfade)

    def _transit(self, transition: Effect, progress: float, dt: float) -> None:
        effect = Effect(transition.shader, (*transition.inputs, ("progress", progress)))
        self._cross(self._transition, self._stage, self._before, self._next, effect, dt)
        self._progress = progress

    def _swayed(self, sway: tuple[float, float, float]) -> Layer:
        """Return the stage out of its place; drawn where nothing else is once the idle scene has gone."""
        share, x, y = sway
        self._plain.fit(self._stage.texture, self._mixed, (share, share), (x, y))
        return self._mixed

    def _cross(self, slot: Slot, into: Layer, start: Layer, end: Layer, effect: Effect, dt: float) -> None:
        images = {"startImage": start.texture, "endImage": end.texture, "": end.texture}
        plain = Effect("crossfade", tuple(each for each in effect.inputs if each[0] == "progress"))
        result = slot.draw(into, dt, effect, images) or self._crossfade.draw(into, dt, plain, images) or end
        if result is not into:
            self._plain.copy(result, into)

    def _take_size(self, size: Size) -> moderngl.Texture:
        """Return a frame texture of `size`, and make the stages as large as they are to be. What is on the stage stays
        there."""
        if self._frame is not None:
            self._frame.release()
        self._frame = self._ctx.texture(size, 4)
        self._frame.repeat_x = self._frame.repeat_y = False
        fine = self.stage_size(size)
        old = (self._stage, self._before, self._next, self._mixed)
        self._stage, self._before, self._next, self._mixed = (Layer(self._ctx, fine) for _ in old)
        self._plain.copy(old[0], self._stage)
        for layer in old:
            layer.release()
        return self._frame


def cover(image: Size, canvas: Size) -> tuple[float, float]:
    """Return the share of the image's width and height that is seen when it just covers the canvas. Sizes in pixels."""
    ratio = (image[0] / image[1]) / (canvas[0] / canvas[1])
    return (1.0 / ratio, 1.0) if ratio > 1.0 else (1.0, ratio)


def stage_size(image: Size, canvas: Size, most: float) -> Size:
    """Return the pixels, at most the canvas's, that the image is drawn with where it just covers the canvas.

    most : times that the part of it that is seen is enlarged; the rest of the way is left to bilinear filtering.
    """
    width, height = (
        min(max(round(most * share * n), 1), limit)
        for share, n, limit in zip(cover(image, canvas), image, canvas, strict=True)
    )
    return width, height
