"""Trains the text side alone: `python -m training.retext --base FOLDER --run training/runs/third --steps 3000`.

UNet and decoder stay as they are in an exported model, so every style that it paints stays too. What the UNet takes of
a caption is one vector of 512. For each caption the new text encoder learns the vector that the base gives a plain
caption of the same meaning, "deep blue ocean" for "whales under a navy sky". One process; minutes on one core. Writes
`last.pt`, which `training.export` reads; `words.json` and the tokenizer are learnt first where they are missing.
"""

from __future__ import annotations

import argparse
import logging
import tomllib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training import teacher, tokens
from training.captions import MODIFIERS, Lexicon, Wish, draw
from training.export import OUT, load
from training.families import FAMILIES
from training.model import LAST_TIMESTEP, Embedded
from training.palettes import PALETTES

log = logging.getLogger("training")
BATCH = 256
RATE = 1.5e-3
BARE = 0.12  # share of captions that are one word or phrase and nothing else
KEPT = 0.1  # share of captions whose vector stays the base's
PRESETS = Path(__file__).parent.parent / "presets"
PLAIN = ("{adjective} {colour} {noun}", "{colour} {noun}, {adjective}")


def plain_captions(wish: Wish) -> list[str]:
    """Return captions of the same meaning in the usual words."""
    adjective = " ".join(MODIFIERS[name][0] for name in wish.modifiers)
    colour = " and ".join(PALETTES[name][1][0] for name in (wish.palette, wish.second) if name)
    parts = {"adjective": adjective, "colour": colour, "noun": FAMILIES[wish.family][1][0][0]}
    return [form.format(**parts).strip() for form in (PLAIN if adjective else PLAIN[:1])]


class Reader:
    """The base model's reading of plain captions: wishes to vectors, float32 (N, 512)."""

    def __init__(self, base: Embedded, tokenizer: Path) -> None:
        self.base, self.tokenizer = base.eval(), tokens.load(tokenizer)
        self._vectors: dict[str, Tensor] = {}

    def read(self, captions: list[str]) -> Tensor:
        """Return the base's own vectors of captions."""
        with torch.no_grad():
            return prompt_vector(self.base, torch.tensor([tokens.encode(self.tokenizer, text) for text in captions]))

    @torch.no_grad()
    def __call__(self, wishes: list[Wish]) -> Tensor:
        captions = [plain_captions(wish) for wish in wishes]
        new = sorted({text for texts in captions for text in texts if text not in self._vectors})
        if new:
            self._vectors.update(zip(new, self.read(new), strict=True))
        return torch.stack([torch.stack([self._vectors[text] for text in texts]).mean(0) for texts in captions])


def prompt_vector(model: Embedded, ids: Tensor) -> Tensor:
    """Return what the UNet takes of prompts, (N, 512), for ids (N, 32)."""
    return model.unet.add_embedding(model.embed(ids))


def conditions(model: Embedded, vectors: Tensor) -> Tensor:
    """Return the scales and shifts that the prompts give all resnets of the UNet, (N, sum of their widths)."""
    unet = model.unet
    time = unet.time_embedding(unet.time_proj(torch.full((1,), LAST_TIMESTEP)))
    blocks = [*unet.down_blocks, *unet.up_blocks]
    x = F.relu(vectors + time)
    return torch.cat([resnet.time_emb_proj(x) for block in blocks for resnet in block.resnets], dim=1)


def bare(rng: np.random.Generator, lexicon: Lexicon) -> Wish:
    """Return a caption of one noun or lexicon entry alone, as people type them."""
    if rng.random() < 0.5:
        return Wish(*lexicon.things[int(rng.integers(len(lexicon.things)))])
    family = tuple(FAMILIES)[int(rng.integers(len(FAMILIES)))]
    nouns = FAMILIES[family][1]
    noun, palette = nouns[int(rng.integers(len(nouns)))]
    return Wish(noun, family, palette)


def preset_prompts() -> list[str]:
    """Return the prompts of the presets: what the base paints of them stays."""
    presets = (tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(PRESETS.glob("*.toml")))
    return [preset["params"]["prompt"] for preset in presets if "prompt" in preset.get("params", {})]


def start(base: Embedded, words: teacher.Words) -> Embedded:
    """Return a model with the base's painting weights and the new words; its text layers start from the base's."""
    count = len(words.pieces)
    model = Embedded(count + 3, count + 1, count + 2)
    state = {name: value for name, value in base.state_dict().items() if "token_embedding" not in name}
    model.load_state_dict(state, strict=False)
    model.word_table.data[:count] = torch.from_numpy(words.vectors)
    model.requires_grad_(False)
    for part in (model.text_encoder, model.unet.add_embedding):
        part.requires_grad_(True)
    model.word_table.requires_grad_(False)
    return model


def train(
    base_folder: Path, run: Path, steps: int, seed: int = 3, batch: int = BATCH, rate: float = RATE
) -> list[float]:
    """Takes `steps` steps, from the run's last.pt if there is one, and writes that.

    Returns the shares of the conditions' variance missed.
    """
    run.mkdir(parents=True, exist_ok=True)
    if not (run / "words.json").exists():
        learnt = teacher.learn(seed)
        learnt.save(run / "words.json")
        tokens.build(learnt.pieces).save(str(run / "tokenizer.json"))
    words, tokenizer = teacher.Words.load(run / "words.json"), tokens.load(run / "tokenizer.json")
    torch.manual_seed(seed)
    base = load(base_folder).requires_grad_(False)
    reader, model = Reader(base, base_folder / "tokenizer/tokenizer.json"), start(base, words)
    if (run / "last.pt").exists():
        model.load_state_dict(torch.load(run / "last.pt")["average"], strict=False)
    model.train()
    kept = preset_prompts()
    rng = np.random.default_rng(seed)
    scale = reader([draw(rng) for _ in range(512)])
    spread, condition_spread = scale.std(0).mean(), conditions(base, scale).std(0).mean()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=max(0.05, 2 / steps))
    losses = []
    for step in range(steps):
        wishes = [bare(rng, words.lexicon) if rng.random() < BARE else draw(rng, words.lexicon) for _ in range(batch)]
        texts = [kept[int(i)] for i in rng.integers(len(kept), size=int(KEPT * batch))]
        wanted = torch.cat([reader(wishes), reader.read(texts)])
        captions = [*(wish.caption for wish in wishes), *texts]
        found = prompt_vector(model, torch.tensor([tokens.encode(tokenizer, text) for text in captions]))
        loss = (found - wanted).square().mean() / spread**2
        apart = (conditions(base, found) - conditions(base, wanted)).square().mean() / condition_spread**2
        optimiser.zero_grad()
        (loss + apart).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(apart.detach()))
        if step % 100 == 99:
            log.info("step %d, share of the conditions' variance missed %.4f", step + 1, np.mean(losses[-100:]))
        if step % 500 == 499 or step == steps - 1:
            save(model, run)
    return losses


def save(model: Embedded, run: Path, minutes: float = 0.0) -> None:
    """Write the model as `training.train` would, without an optimiser's state. minutes : spent on it."""
    count = model.word_table.shape[0] - 3
    average = {name: value.detach() for name, value in model.named_parameters()}
    sizes = (count + 3, count + 1, count + 2)
    state = {"model": model.state_dict(), "average": average, "sizes": sizes, "minutes": minutes}
    torch.save(state, run / "last.part")
    (run / "last.part").replace(run / "last.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, default=OUT, help="the exported model whose painting weights stay")
    parser.add_argument("--run", type=Path, default=Path("training/runs/third"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=RATE)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    train(args.base, args.run, args.steps, rate=args.rate)


if __name__ == "__main__":
    main()
