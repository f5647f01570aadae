"""Losses for sharpness beyond L1: the amount of detail in each place, and a critic.

The critic is a conditional patch discriminator with hinge loss and feature matching.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

CRITIC_SAY = 0.25  # of the critic's gradient beside that of the other losses


def balance(loss: Tensor, fault: Tensor, last: Tensor) -> Tensor:
    """Return the factor that makes the gradient of `fault` as long as that of `loss` at the decoder's `last` weights,
    at most 100 (Esser, Rombach, Ommer, CVPR 2021, eq. 7)."""
    lengths = [torch.autograd.grad(one, last, retain_graph=True)[0].norm() for one in (loss, fault)]
    return (lengths[0] / (lengths[1] + 1e-6)).clamp(max=100.0).detach()


def texture_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """L1 of how much neighbours differ on average over 8x8 pixels, at two scales: a blurred picture has too little of
    it wherever its lines fall. (N, 3, H, W) each."""
    total = made.new_zeros(())
    for _ in range(2):
        amounts = []
        for image in (made, wanted):
            across = (image[..., 1:] - image[..., :-1]).abs().mean(1, keepdim=True)
            down = (image[..., 1:, :] - image[..., :-1, :]).abs().mean(1, keepdim=True)
            amounts.append((F.avg_pool2d(across, 8, ceil_mode=True), F.avg_pool2d(down, 8, ceil_mode=True)))
        total = total + sum((a - b).abs().mean() for a, b in zip(*amounts, strict=True))
        made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
    return total


class Critic(nn.Module):
    """Pictures (N, 3, H, W) and family numbers (N,) -> (scores (N, H/8, W/8), features of two layers). A score sees 38
    pixels."""

    def __init__(self, families: int, width: int = 48) -> None:
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(12, width, 4, stride=2, padding=1))
        self.conv2 = spectral_norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1))
        self.conv3 = spectral_norm(nn.Conv2d(2 * width, 2 * width, 3, padding=1))
        self.score = spectral_norm(nn.Conv2d(2 * width, 1, 1))
        self.family = nn.Embedding(families, 2 * width)
        nn.init.normal_(self.family.weight, std=0.1)

    def forward(self, picture: Tensor, family: Tensor) -> tuple[Tensor, list[Tensor]]:
        a = F.leaky_relu(self.conv1(F.pixel_unshuffle(picture, 2)), 0.2)
        b = F.leaky_relu(self.conv2(a), 0.2)
        c = F.leaky_relu(self.conv3(b), 0.2)
        scores = self.score(c)[:, 0] + torch.einsum("nchw,nc->nhw", c, self.family(family)) / c.shape[1] ** 0.5
        return scores, [a, b]


def critic_loss(critic: Critic, made: Tensor, wanted: Tensor, family: Tensor) -> Tensor:
    """Hinge loss of the critic; `made` must be detached."""
    scores, _ = critic(torch.cat([made, wanted]), torch.cat([family, family]))
    of_made, of_wanted = scores.float().chunk(2)
    return F.relu(1 + of_made).mean() + F.relu(1 - of_wanted).mean()


def painter_loss(critic: Critic, made: Tensor, wanted: Tensor, family: Tensor) -> tuple[Tensor, Tensor]:
    """(what the critic finds wrong with `made`, L1 between its features of the two).

    The critic's own gradients are left alone.
    """
    critic.requires_grad_(False)
    scores, features = critic(made, family)
    with torch.no_grad():
        _, targets = critic(wanted, family)
    critic.requires_grad_(True)
    matching = sum((a.float() - b.float()).abs().mean() for a, b in zip(features, targets, strict=True))
    return -scores.float().mean(), matching
