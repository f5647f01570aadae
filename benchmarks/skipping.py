"""Measures graded skipping, its saving and its visible cost: the embedded model in virtual time, with and without it.

    python benchmarks/skipping.py TRACK [--json skipping.json]

The engine of the show takes the fixed times of `stage.Rules`, whatever this machine measures.

The track plays for ten seconds loud, ten seconds at -20 dB, and ten seconds silent. For each: the number of slots of
each reuse, and the share of UNet work saved, where a shallow frame counts as its measured share of a full one. Flicker
is the mean second difference of the pictures on the canvas, at 60 a second.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.dance import GlCanvas, Painter, read_sound  # noqa: E402
from benchmarks.stage import Log, Rules, extract, perform  # noqa: E402
from livemusviz.assets import load_preset  # noqa: E402
from livemusviz.bridge.frames import Reuse  # noqa: E402
from livemusviz.bridge.sound import SAMPLE_RATE  # noqa: E402
from livemusviz.cli.output import table  # noqa: E402
from livemusviz.diffusion.frame import FrameOptions  # noqa: E402
from livemusviz.params.values import ParamValues  # noqa: E402

PART = 10.0  # s
PARTS = ("loud", "quiet", "silence")
SETTLED = 1.0  # s at the start of a part that do not count
ROUNDS = 40


def milliseconds(paint: Painter) -> dict[str, float]:
    """Median of a frame of each reuse; and of the decoder alone, which a glide is."""
    pipeline = paint.pipeline
    text = pipeline.prompts.encode("red lava")
    rng = np.random.default_rng(1)
    noise = [rng.standard_normal(pipeline.latent_shape, dtype=np.float32) for _ in range(4)]
    spent: dict[str, list[float]] = {reuse.name.lower(): [] for reuse in Reuse if reuse is not Reuse.FRAME}
    for i in range(ROUNDS):
        for reuse in (Reuse.NONE, Reuse.DEEP_FEATURES, Reuse.LATENTS):
            began = time.perf_counter()
            pipeline.generate(noise[i % 4], text, 0.3, FrameOptions(reuse=reuse))
            spent[reuse.name.lower()].append(1000.0 * (time.perf_counter() - began))
    pipeline.reset()
    return {name: round(float(np.median(values)), 2) for name, values in spent.items()}


def part(log: Log, number: int, shallow: float) -> dict[str, Any]:
    begin, end = number * PART + SETTLED, (number + 1) * PART
    levels = [controls.reuse for now, controls in log.slots if begin <= now < end]
    seconds = end - begin
    times = np.array(log.times)
    counted = (times >= begin) & (times < end)
    work = sum(1.0 if reuse == Reuse.NONE else shallow if reuse == Reuse.DEEP_FEATURES else 0.0 for reuse in levels)
    return {
        "part": PARTS[number],
        **{reuse.name.lower(): levels.count(reuse) for reuse in Reuse},
        "unet_a_second": round(work / seconds, 2),
        "flicker": round(float(np.array(log.flicker)[counted].mean()), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--preset", default="lava")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    piece = read_sound(options.track, PART)
    piece = np.resize(piece, (int(PART * SAMPLE_RATE), 2))
    sound = np.concatenate([piece, 0.1 * piece, 0.0 * piece]).astype(np.float32)
    features = extract(sound)
    paint = Painter()
    cost = milliseconds(paint)
    decode = cost["glide"]
    shallow = max(0.0, (cost["shallow"] - decode) / (cost["full"] - decode))
    rules = Rules()
    rows = []
    for ssf in (0.95, 0.0):
        values = ParamValues().with_values({**load_preset(options.preset).values, "preset": options.preset, "ssf": ssf})
        paint.pipeline.reset()
        log = perform(features, values.params, paint.pipeline.latent_shape, paint, GlCanvas(values, sound), rules)
        rows += [{"ssf": ssf} | part(log, number, shallow) for number in range(len(PARTS))]
    print(f"ms a frame: {cost}; a shallow UNet is {100 * shallow:.0f} % of a full one")
    print(table([tuple(row.values()) for row in rows], tuple(rows[0])))
    for with_, without in zip(rows[:3], rows[3:], strict=True):
        saved = 1.0 - with_["unet_a_second"] / max(without["unet_a_second"], 1e-9)
        flicker = with_["flicker"] / max(without["flicker"], 1e-9)
        print(f"{with_['part']}: {100 * saved:.0f} % of UNet work saved, flicker {flicker:.2f} times")
    if options.json is not None:
        options.json.write_text(json.dumps({"ms": cost, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
