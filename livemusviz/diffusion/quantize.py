"""Packs weights in 4 or 8 bits: Linear, Embedding and convolutions, which `nn.quantize` leaves out. Engine thread.

Quantization saves memory and load time; in a diffusion UNet it gains no speed. The weights stay packed in memory. A GPU
multiplies a Linear's packed weights as they are; everything else, and all on a CPU, whose packed product is eighty
times slower than its BLAS, unpacks a layer's weights when their turn comes and drops them after it.
"""

from typing import cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map_with_path

from livemusviz.diffusion.layers import Conv2d, biased, convolve
from livemusviz.errors import UserError

GROUP_SIZE = 64
"""Neighbours in a row, of a convolution's in (row, column, input channel), that share a scale and an offset."""
CHOICES = (4, 8, 16)
SMALLEST_SIDE = 16
"""Layers with fewer channels than this at one end, as the first and the last convolution, are kept as they are."""


def choose_bits(bits: int | None) -> int:
    """4, 8 or 16, which is not quantized and the default. Raises UserError for other bits."""
    if bits is None:
        return 16
    if bits not in CHOICES:
        raise UserError(f"{bits} bits: choose {', '.join(map(str, CHOICES))}")
    return bits


class Packed(nn.Module):
    """A weight of shape (O, ...) as rows of packed integers with float16 scales and offsets, GROUP_SIZE to each."""

    staged = False

    def __init__(self, shape: tuple[int, ...], bits: int) -> None:
        super().__init__()
        self.shape, self.bits = tuple(shape), bits
        rows, row = shape[0], row_length(shape)
        self.weight = mx.zeros((rows, row * bits // 32), dtype=mx.uint32)
        self.scales = mx.zeros((rows, row // GROUP_SIZE), dtype=mx.float16)
        self.biases = mx.zeros((rows, row // GROUP_SIZE), dtype=mx.float16)

    def pack(self, weight: mx.array) -> dict[str, mx.array]:
        """Return the three parameters of a float weight, (O, ...), evaluated."""
        rows = weight.reshape(weight.shape[0], -1).astype(mx.float32)
        packed, scales, biases = mx.quantize(rows, GROUP_SIZE, self.bits)
        found = {"weight": packed, "scales": scales.astype(mx.float16), "biases": biases.astype(mx.float16)}
        mx.eval(found)
        return found

    def unpacked(self, dtype: mx.Dtype) -> mx.array:
        """Return the weight in its shape. The scales are converted, not the result: on a CPU that is four times
        faster."""
        scales, biases = self.scales.astype(dtype), self.biases.astype(dtype)
        return mx.dequantize(self.weight, scales, biases, GROUP_SIZE, self.bits).reshape(self.shape)

    def finished(self, y: mx.array, bias: mx.array | None = None) -> mx.array:
        """Return the product with its bias, evaluated if the layer is staged: its unpacked weight can go."""
        y = biased(self, y, bias)
        if self.staged:
            mx.eval(y)
        return y


class PackedLinear(Packed):
    def __init__(self, layer: nn.Linear, bits: int) -> None:
        super().__init__(layer.weight.shape, bits)
        if "bias" in layer:
            self.bias = layer.bias

    def __call__(self, x: mx.array) -> mx.array:
        if mx.default_device().type == mx.DeviceType.cpu:
            return self.finished(x @ self.unpacked(x.dtype).T)
        scales, biases = self.scales.astype(x.dtype), self.biases.astype(x.dtype)
        return self.finished(mx.quantized_matmul(x, self.weight, scales, biases, True, GROUP_SIZE, self.bits))


class PackedConv2d(Packed):
    def __init__(self, layer: Conv2d, bits: int) -> None:
        super().__init__(layer.weight.shape, bits)
        self.stride, self.padding = layer.stride, layer.padding
        if "bias" in layer:
            self.bias = layer.bias

    def __call__(self, x: mx.array, bias: mx.array | None = None) -> mx.array:
        """Return the convolution of x, as `Conv2d` does."""
        return self.finished(convolve(self, x, self.unpacked(x.dtype)), bias)


class PackedEmbedding(Packed):
    def __init__(self, layer: nn.Embedding, bits: int, dtype: mx.Dtype) -> None:
        super().__init__(layer.weight.shape, bits)
        self.dtype = dtype

    def __call__(self, ids: mx.array) -> mx.array:
        scales, biases = self.scales[ids].astype(self.dtype), self.biases[ids].astype(self.dtype)
        return mx.dequantize(self.weight[ids], scales, biases, GROUP_SIZE, self.bits)


def stage(model: nn.Module) -> None:
    """From now on each packed layer, and each band of a large convolution, is evaluated at once.

    On a CPU, MLX allocates for some hundred operations ahead: many layers' unpacked weights and unfolded inputs before
    the first of them has been used. So each one's are gone before the next one's come, and memory that was touched
    before is faster too. What is evaluated so cannot be compiled.
    """
    for module in model.modules():
        if isinstance(module, Conv2d | Packed):
            module.staged = True


def row_length(shape: tuple[int, ...]) -> int:
    """Return the number of entries in one row of a weight of this shape."""
    length = 1
    for side in shape[1:]:
        length *= side
    return length


def packable(module: nn.Module) -> bool:
    """True for a layer whose rows divide into groups and that is no narrow end of the network."""
    if not isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
        return False
    shape = module.weight.shape
    return row_length(shape) % GROUP_SIZE == 0 and min(shape[0], shape[-1]) >= SMALLEST_SIDE


def prepare_packed(model: nn.Module, bits: int, dtype: mx.Dtype) -> None:
    """Put an empty packed layer in the place of every packable one; `load_weights` fills them. 16 bits: nothing.

    dtype : what an Embedding gives.
    """
    if bits == 16:
        return

    def packed(path: str, module: nn.Module) -> nn.Module:
        if not packable(module) or path.endswith("position_embedding"):
            return module
        if isinstance(module, nn.Linear):
            return PackedLinear(module, bits)
        if isinstance(module, nn.Embedding):
            return PackedEmbedding(module, bits, dtype)
        return PackedConv2d(cast(Conv2d, module), bits)

    leaves = model.leaf_modules()
    model.update_modules(tree_map_with_path(packed, leaves, is_leaf=nn.Module.is_module))


def weight_bytes(model: nn.Module) -> int:
    """Bytes of all parameters of a model in memory."""
    parameters = cast(list[tuple[str, mx.array]], tree_flatten(model.parameters()))
    return sum(value.nbytes for _, value in parameters)
