"""Projects sentence embeddings to the width of the token table, so that words drawn alike lie together.

A small network learns what the teacher says of tens of thousands of words (families, palettes and tints as its nouns
vote, modifiers) through a narrow noisy layer; that layer is the table. A word that is in no caption is projected by the
same network. PCA alone keeps what sets words apart in general, and half of that is of no use for a picture.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.teacher import WIDTH, Votes

HIDDEN = 384
NOISE = 0.4


class Projection(nn.Module):
    """Sentence embeddings (N, D) -> table rows (N, WIDTH), each of mean square 1."""

    def __init__(self, votes: Votes) -> None:
        super().__init__()
        size = votes.vectors.shape[1]
        self.hidden, self.narrow = nn.Linear(size, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.straight = nn.Linear(size, WIDTH, bias=False)
        sizes = [part.shape[1] for part in (votes.families, votes.palettes, votes.tints, votes.kinds)]
        self.heads = nn.ModuleList(nn.Linear(WIDTH, size) for size in sizes)
        self.back = nn.Linear(WIDTH, size)

    def forward(self, vectors: Tensor) -> Tensor:
        x = self.narrow(F.relu(self.hidden(F.dropout(vectors, 0.1, self.training)))) + self.straight(vectors)
        return x * x.square().mean(1, keepdim=True).clamp_min(1e-6).rsqrt()

    def loss(self, batch: list[Tensor]) -> Tensor:
        """Return the cross-entropies of what the narrow layer tells, and how well it keeps the embedding itself."""
        vectors, *wanted, weights = batch
        rows = self(vectors)
        rows = rows + NOISE * torch.randn_like(rows)
        total = 3 * (1 - F.cosine_similarity(self.back(rows), vectors, dim=1))
        for head, target, say in zip(self.heads, wanted, (1.0, 0.7, 0.7, 0.7), strict=True):
            total = total - say * (F.log_softmax(head(rows), dim=1) * target).sum(1)
        return (total * weights).mean()


def learn(votes: Votes, steps: int = 2500, batch: int = 512, seed: int = 0) -> Projection:
    """Train the projection; about a minute on one core."""
    torch.manual_seed(seed)
    model = Projection(votes)
    parts = [torch.from_numpy(part.astype(np.float32)) for part in vars(votes).values()]
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(parts[0]), (batch,))
        optimiser.zero_grad()
        model.loss([part[rows] for part in parts]).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def project(model: Projection, vectors: np.ndarray) -> np.ndarray:
    """Return the table rows of texts, float32 (N, WIDTH)."""
    return model(torch.from_numpy(vectors.astype(np.float32))).numpy()
