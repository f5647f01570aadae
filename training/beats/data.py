"""Makes the data of the beat network: composed pieces as the network hears them, and where their beats are.

    python -m training.beats.data FOLDER --first 0 --count 100

A file a piece, NUMBER.npz: `inputs` float16 (steps, INPUTS), `beats` and `places` as in `Song`, `style`, `parts`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.flux import SuperFlux
from livemusviz.features.frontend import FrontEnd
from livemusviz.features.spectrum import ShortSpectrum
from livemusviz.features.strokes import INPUTS, STRIDE, BeatInputs
from training.beats.kits import Kits
from training.beats.song import AMBIGUOUS, MODERN, STYLES, compose
from training.beats.sound import render


def hear(sound: np.ndarray) -> np.ndarray:
    """Return the network's inputs for a whole sound, float32 (steps, INPUTS).

    sound : float32 (n, 2) at SAMPLE_RATE.
    """
    front_end, spectrum, flux, inputs = FrontEnd(), ShortSpectrum(), SuperFlux(), BeatInputs()
    rows = []
    for start in range(0, len(sound) - HOP + 1, HOP):
        hop = front_end.process(start / SAMPLE_RATE, start, sound[start : start + HOP])
        mono = (hop.samples[:, 0] + hop.samples[:, 1]) * np.float32(0.5)
        full = flux.step(spectrum.step(mono), hop.gain).full
        row = inputs.step(full, flux.narrow)
        if row is not None:
            rows.append(row.copy())
    return np.array(rows, np.float32).reshape(-1, INPUTS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=26.0)
    parser.add_argument("--styles", choices=(STYLES, AMBIGUOUS, MODERN), default=STYLES)
    parser.add_argument("--kits", type=Path, help="folder of drum kits, see `kits.py`, for some of the pieces")
    options = parser.parse_args()
    kits = None if options.kits is None else Kits(options.kits)
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.first, options.first + options.count):
        path = options.folder / f"{number:05d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng(number)
        song = compose(rng, options.seconds, options.styles)
        inputs = hear(render(rng, song, kits))
        np.savez(path, inputs=inputs.astype(np.float16), beats=song.beats, places=song.places, style=song.style)
    print(f"{options.first + options.count} pieces, {STRIDE * HOP / SAMPLE_RATE * 1000:.1f} ms a step")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
