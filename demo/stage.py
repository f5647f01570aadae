"""`python -m demo.stage`: every preset after five seconds of the same music, side by side in docs/stage.png.

Runs off screen with a clock of its own, so a slow machine makes the same pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw

from demo.compose import compose
from livemusviz.assets import find_presets, find_shaders, load_preset, read_headers
from livemusviz.audio.inprocess import InProcessAudio
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.sound import HOP
from livemusviz.bridge.view import View
from livemusviz.diffusion import backend
from livemusviz.director.director import Director
from livemusviz.director.presets import Preset
from livemusviz.director.stage import Stage
from livemusviz.display import context
from livemusviz.display.compositor import Compositor
from livemusviz.params.values import ParamValues

ROOT = Path(__file__).resolve().parent.parent
FPS = 60
ENGINE_EVERY = 4  # display frames to a generated one
CANVAS, CELL, COLUMNS = (640, 360), (426, 240), 4
FROM, SECONDS = 12.0, 5.0  # where in the piece: the full band plays; how long each preset is on


def main() -> int:
    """Write the sheet; `python -m demo.stage NAME ...` takes only those presets."""
    work = ROOT / "out"
    work.mkdir(exist_ok=True)
    track = work / "stage.wav"
    compose(track)
    sound, rate = soundfile.read(track, dtype="float32", always_2d=True)
    sound = sound[int(FROM * rate) : int((FROM + SECONDS) * rate)]
    backend.prepare_backend()
    from livemusviz.diffusion.folder import EMBEDDED, resolve_model
    from livemusviz.diffusion.pipeline import Pipeline
    from livemusviz.diffusion.spec import ModelSpec

    pipeline = Pipeline.load(ModelSpec(resolve_model(EMBEDDED)), 256, 256)
    ctx = context.headless_context()
    paths = find_shaders()
    headers, _ = read_headers(paths)
    cells = []
    for name in sys.argv[1:] or list(find_presets()):
        preset = load_preset(name, headers)
        pipeline.reset()
        compositor = Compositor(ctx, CANVAS, paths)
        cells.append((name, last_picture(preset, Stage(headers), compositor, pipeline, sound)))
        print(name, flush=True)
    sheet(cells).save(ROOT / "docs" / "stage.png", optimize=True)
    return 0


def last_picture(preset: Preset, stage: Stage, compositor: Compositor, pipeline, sound: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return the canvas, uint8 (H, W, 4), at the end of `sound`."""
    values = ParamValues().with_values(dict(preset.values))
    stage.base = {("feedback", "zoom"): values.params.zoom, ("feedback", "pulse"): values.params.pulse}
    stage.load(preset.look)
    director = Director(pipeline.latent_shape, values.params)
    for i, (now, features, newest) in enumerate(ticks(sound)):
        scene, driven = stage.step(1.0 / FPS, features)
        if i % ENGINE_EVERY == 0:
            controls = director.step(now, features, values.with_values(driven).params)
            if controls.compute:
                text = pipeline.prompts.encode(controls.prompt)
                image = pipeline.generate(controls.noise, text, controls.feedback)
                compositor.show(Frame(image, i + 1, now, now, 0.0), now)
        compositor.draw(now, View(scene=scene, sound=newest))
    return compositor.read()


def ticks(sound: np.ndarray) -> Iterator[tuple[float, AudioFeatures, np.ndarray]]:
    """Time (s), features and the newest sound for each display frame."""
    audio, heard = InProcessAudio(), 0
    features = AudioFeatures.rest(0.0)
    for i in range(int(len(sound) / 48_000 * FPS)):
        end = min((i + 1) * 48_000 // FPS // HOP * HOP, len(sound))
        arrived = [f for at in range(heard, end, HOP) for f in audio.feed(sound[at : at + HOP])]
        heard = max(end, heard)
        features = arrived[-1] if arrived else features
        yield i / FPS, features, sound[max(heard - 1024, 0) : heard]


def sheet(cells: list[tuple[str, np.ndarray]]) -> Image.Image:
    """Return the pictures in a grid, each with its name."""
    rows = -(-len(cells) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * CELL[0], rows * CELL[1]), (12, 12, 16))
    draw = ImageDraw.Draw(image)
    for i, (name, picture) in enumerate(cells):
        x, y = i % COLUMNS * CELL[0], i // COLUMNS * CELL[1]
        image.paste(Image.fromarray(picture[..., :3]).resize(CELL, Image.Resampling.LANCZOS), (x, y))
        draw.text((x + 9, y + 7), name, fill=(0, 0, 0), font_size=16)
        draw.text((x + 8, y + 6), name, fill=(255, 255, 255), font_size=16)
    return image


if __name__ == "__main__":
    raise SystemExit(main())
