"""Muon: momentum whose update of each weight matrix is orthogonalised, so that no single direction takes all of a step.

Adam moves every weight by about the same amount, which adds up to one direction ("darker") over a convolution's
thousand inputs; on this model that drove the ReLUs dead before any colour was learnt. (K. Jordan, "Muon", 2024.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def orthogonal(gradient: Tensor, steps: int = 4) -> Tensor:
    """About U V^T of a matrix, or of a convolution's kernel as (out, in * k * k), by Newton-Schulz iterations in
    bf16."""
    x = gradient.reshape(gradient.shape[0], -1).bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.T if tall else x).float()


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """Return the weights for Muon: every convolution's, and the projections of the text into the residual blocks."""
    convs = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
    return convs + [m.time_emb_proj.weight for m in model.modules() if hasattr(m, "time_emb_proj")]


class Muon:
    """Steps `parameters`, each process working out its share; `buffer` (processes agree on it) holds all the
    updates."""

    def __init__(self, parameters: Iterable[nn.Parameter], momentum: float = 0.9, decay: float = 0.02) -> None:
        self.parameters, self.momentum, self.decay = list(parameters), momentum, decay
        self.averages = [torch.zeros_like(p, memory_format=torch.contiguous_format) for p in self.parameters]

    @torch.no_grad()
    def work_out(self, rank: int, processes: int, updates: list[Tensor]) -> None:
        """Writes this process' updates, flat, and takes the gradients away from all of the parameters."""
        for index, (p, average) in enumerate(zip(self.parameters, self.averages, strict=True)):
            if p.grad is None:
                continue
            average.lerp_(p.grad, 1 - self.momentum)
            if index % processes == rank:
                updates[index].copy_(orthogonal(torch.lerp(p.grad, average, self.momentum)).reshape(-1))
            p.grad = None

    @torch.no_grad()
    def apply(self, rate: float, updates: list[Tensor]) -> None:
        for p, update in zip(self.parameters, updates, strict=True):
            rows, columns = p.shape[0], p.numel() // p.shape[0]
            p.mul_(1 - rate * self.decay)
            p.add_(update.view(p.shape), alpha=-rate * max(1.0, rows / columns) ** 0.5)

    def state_dict(self) -> dict[str, Any]:
        return {"averages": self.averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for mine, saved in zip(self.averages, state["averages"], strict=True):
            mine.copy_(saved)
