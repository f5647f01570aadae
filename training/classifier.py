"""Trains a small classifier of the families on the data alone; it judges the structure of the model's pictures.

`python -m training.classifier` trains it, about seven minutes on one core, and prints the share of held-out pictures of
the data that it recognises. It sees whole 256-pixel pictures in random colours and with random modifiers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.captions import draw
from training.families import FAMILIES
from training.pictures import sample

PATH = Path("training/runs/classifier.pt")
NAMES = tuple(FAMILIES)


class Classifier(nn.Module):
    """Pictures (N, 3, 256, 256) in [-1, 1] -> logits (N, families)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (48, 64, 96, 128)
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.last = nn.Linear(2 * widths[-1], len(NAMES))

    def forward(self, picture: Tensor) -> Tensor:
        x = F.pixel_unshuffle(picture, 4)
        for conv in self.convs:
            x = conv(x)
        return self.last(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1))

    @torch.no_grad()
    def ranking(self, image: np.ndarray) -> list[str]:
        """Return the families, the likeliest first, of a picture, float32 (256, 256, 3) in [0, 1]."""
        tensor = torch.from_numpy(np.ascontiguousarray(2 * image - 1)).permute(2, 0, 1)[None]
        return [NAMES[index] for index in self.eval()(tensor)[0].argsort(descending=True)]

    def name(self, image: np.ndarray) -> str:
        """Return the family of a picture, float32 (256, 256, 3) in [0, 1]."""
        return self.ranking(image)[0]


def pictures(rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
    """`count` pictures of the data, (N, 3, 256, 256), and their families' numbers."""
    wishes = [draw(rng) for _ in range(count)]
    images = np.stack([sample(rng, wish, (16, 16), True).image for wish in wishes])
    return torch.from_numpy(images), torch.tensor([NAMES.index(wish.family) for wish in wishes])


def softened(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Return every other picture blurred to a half or a quarter of its size, so that the judge looks at shapes,
    not at pixels."""
    size = int(rng.choice((2, 4)))
    soft = F.interpolate(F.avg_pool2d(images[::2], size), scale_factor=size, mode="bilinear")
    return torch.cat([soft, images[1::2]])


def train(steps: int = 1200, batch: int = 24, seed: int = 7) -> Classifier:
    """Trains on `steps` batches of pictures of the data."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Classifier()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(steps):
        images, wanted = pictures(rng, batch)
        wanted = torch.cat([wanted[::2], wanted[1::2]])
        loss = F.cross_entropy(model(softened(images, rng)), wanted, label_smoothing=0.05)
        loss.backward()
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return model.eval()


@torch.no_grad()
def accuracy(model: Classifier, count: int = 460, seed: int = 1007) -> float:
    """Share of held-out pictures of the data that it recognises."""
    rng, right = np.random.default_rng(seed), 0
    for _ in range(count // 23):
        images, wanted = pictures(rng, 23)
        right += int((model(images).argmax(1) == wanted).sum())
    return right / (count // 23 * 23)


def load(path: Path = PATH) -> Classifier:
    """Return the trained classifier; train it first where there is none."""
    model = Classifier()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(train().state_dict(), path)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model.eval()


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    print(f"{accuracy(load()):.3f} of the held-out pictures of the data")


if __name__ == "__main__":
    main()
