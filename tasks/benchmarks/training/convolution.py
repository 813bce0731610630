"""Grouped convolution that is fast on the tiny maps at the end of a small network.

On a map of 2 x 2 pixels the library's backward pass of a grouped 3 x 3 convolution costs several
times its forward pass. There, a convolution is nearly a dense layer from all input to all output
pixels, which matrix products do in a third of the time; 1 x 1 convolutions are matrix products at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

_DENSE_OUTPUTS, _DENSE_INPUTS = 4, 16
_POINTWISE_PIXELS = 16
"""Largest maps, in pixels, for which the matrix products were measured to be faster on a CPU."""


class StackedConv2d(nn.Conv2d):
    """A convolution of R groups, one per copy, each of them dense. Same weights as ``nn.Conv2d``."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, R * inputs, height, width) to (batch, R * outputs, height', width')."""
        if features.device.type == "cpu" and self.bias is None and self.padding_mode == "zeros":
            pixels = features.shape[2] * features.shape[3]
            if self.kernel_size == (1, 1) and self.stride == (1, 1) and self.padding == (0, 0):
                if pixels <= _POINTWISE_PIXELS:
                    return _pointwise(features, self.weight, self.groups)
            elif pixels <= _DENSE_INPUTS and self.dilation == (1, 1) and not isinstance(self.padding, str):
                shape = tuple(
                    (size + 2 * pad - kernel) // stride + 1
                    for size, pad, kernel, stride in zip(
                        features.shape[2:], self.padding, self.kernel_size, self.stride, strict=True
                    )
                )
                if shape[0] * shape[1] <= _DENSE_OUTPUTS:
                    out: Tensor = _Dense.apply(  # type: ignore[no-untyped-call]
                        features, self.weight, self.groups, shape, self.stride, self.padding
                    )
                    return out
        return super().forward(features)


def _pointwise(features: Tensor, weight: Tensor, groups: int) -> Tensor:
    batch, _, height, width = features.shape
    pixels = features.permute(0, 2, 3, 1).reshape(batch * height * width, groups, -1).transpose(0, 1)
    out = torch.bmm(pixels, weight.view(groups, -1, weight.shape[1]).transpose(1, 2))
    return out.transpose(0, 1).reshape(batch, height, width, -1).permute(0, 3, 1, 2)


class _Dense(torch.autograd.Function):
    """The convolution as one matrix per group, from all input pixels to all output pixels."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context object
        features: Tensor,
        weight: Tensor,
        groups: int,
        shape: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        outputs, inputs = weight.shape[0] // groups, weight.shape[1]
        size, kernel = (features.shape[2], features.shape[3]), (weight.shape[2], weight.shape[3])
        windows = list(_windows(size, shape, kernel, stride, padding))
        by_tap = weight.permute(0, 2, 3, 1).reshape(groups, outputs, *kernel, inputs)
        matrix = weight.new_zeros(groups, len(windows), outputs, *size, inputs)
        for place, (pixels, taps) in enumerate(windows):
            matrix[:, place, :, pixels[0], pixels[1]] = by_tap[:, :, taps[0], taps[1]]
        matrix = matrix.view(groups, len(windows) * outputs, -1)
        flat = _flat(features, groups)
        ctx.save_for_backward(flat, matrix)
        ctx.geometry = windows, size, kernel, tuple(weight.shape)
        return _unflat(torch.bmm(flat, matrix.transpose(1, 2)), shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        flat, matrix = ctx.saved_tensors
        windows, size, kernel, weight_shape = ctx.geometry
        groups, inputs = len(flat), weight_shape[1]
        outputs = weight_shape[0] // groups
        grad_flat = _flat(grad, groups)
        grad_features = _unflat(torch.bmm(grad_flat, matrix), size)
        grad_matrix = torch.bmm(grad_flat.transpose(1, 2), flat)
        grad_matrix = grad_matrix.view(groups, len(windows), outputs, *size, inputs)
        by_tap = grad.new_zeros(groups, outputs, *kernel, inputs)
        for place, (pixels, taps) in enumerate(windows):
            by_tap[:, :, taps[0], taps[1]] += grad_matrix[:, place, :, pixels[0], pixels[1]]
        grad_weight = by_tap.view(-1, *kernel, inputs).permute(0, 3, 1, 2)
        return grad_features, grad_weight, None, None, None, None


def _windows(
    size: tuple[int, int],
    shape: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Yield for each output pixel the input pixels that it sees, and through which taps of the kernel."""
    for row in range(shape[0]):
        for column in range(shape[1]):
            pixels, taps = [], []
            for axis, place in enumerate((row, column)):
                first = place * stride[axis] - padding[axis]
                begin, end = max(first, 0), min(first + kernel[axis], size[axis])
                pixels.append(slice(begin, end))
                taps.append(slice(begin - first, end - first))
            yield (pixels[0], pixels[1]), (taps[0], taps[1])


def _flat(features: Tensor, groups: int) -> Tensor:
    """Return (groups, batch, pixels * channels of a group)."""
    batch, _, height, width = features.shape
    split = features.permute(0, 2, 3, 1).reshape(batch, height * width, groups, -1)
    return split.permute(2, 0, 1, 3).reshape(groups, batch, -1)


def _unflat(flat: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return (batch, groups * channels, height, width), channels last in memory."""
    groups, batch, _ = flat.shape
    split = flat.view(groups, batch, shape[0] * shape[1], -1).permute(1, 2, 0, 3)
    return split.reshape(batch, *shape, -1).permute(0, 3, 1, 2)
