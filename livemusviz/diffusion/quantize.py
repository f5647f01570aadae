"""Linear weights in 4 or 8 bits. Engine thread.

Quantization saves memory and load time; in a diffusion UNet it gains no speed, and on the CPU back end its matrix
product is eighty times slower than fp32's. So it is the default only for large models on Metal.
"""

import mlx.nn as nn

from livemusviz.errors import UserError

GROUP_SIZE = 64
CHOICES = (4, 8, 16)
LARGE_MODEL = 200_000_000
"""Weights in Linear layers from which on Metal quantizes by default."""


def choose_bits(bits: int | None, backend: str, linear_weights: int) -> int:
    """4, 8 or 16 (not quantized): the user's choice, or the back end's default. Raises UserError for other bits."""
    if bits is None:
        return 4 if backend == "metal" and linear_weights >= LARGE_MODEL else 16
    if bits not in CHOICES:
        raise UserError(f"{bits} bits: choose {', '.join(map(str, CHOICES))}")
    return bits


def quantizable(module: nn.Module) -> bool:
    """True for a Linear layer whose rows divide into groups."""
    return isinstance(module, nn.Linear) and module.weight.shape[-1] % GROUP_SIZE == 0


def linear_weights(model: nn.Module) -> int:
    """How many weights of a model `quantize_linear` would reach."""
    return sum(module.weight.size for module in model.modules() if quantizable(module))


def quantize_linear(model: nn.Module, bits: int) -> None:
    """Quantize the Linear layers of a model in place; 16 leaves it as it is."""
    if bits != 16:
        nn.quantize(model, GROUP_SIZE, bits, class_predicate=lambda _path, module: quantizable(module))
