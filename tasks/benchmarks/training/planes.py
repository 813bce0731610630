"""Layers for the memory order channel, image, row, column, in which depthwise convolutions are cheap.

The library's backward pass of a depthwise convolution on maps of some 8 x 8 pixels costs many times
its multiplications. With the images of a channel side by side, it is one small matrix product per
channel, from all input to all output pixels; 1 x 1 convolutions, batch normalisations and poolings
find their operands in one piece, too. Tensors keep the shape (batch, channels, height, width) that
every other layer expects, only their strides differ, so that any two layers fit together. On other
devices than CPUs the layers are those of the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor, nn

from tasks.spaces.layers import JoinChannels

_MATRIX_PIXELS = 64
"""Largest maps for which a matrix of all pixels to all pixels pays."""

_Pair = tuple[int, int]


def keep_planes(network: nn.Module) -> None:
    """Replace the layers of a stacked network by their forms for this order of memory, in place."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            if layer.bias is not None or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
                continue
            if layer.groups == layer.in_channels == layer.out_channels:
                layer.__class__ = DepthwisePlanes
            elif layer.kernel_size == (1, 1) and layer.padding == (0, 0):
                layer.__class__ = PointwisePlanes
        elif type(layer) in _FORMS:
            layer.__class__ = _FORMS[type(layer)]


class DepthwisePlanes(nn.Conv2d):
    """A depthwise convolution as one matrix per channel. Same weights as ``nn.Conv2d``."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, height', width')."""
        size = (features.shape[2], features.shape[3])
        if not _on_cpu(features) or size[0] * size[1] > _MATRIX_PIXELS:
            return super().forward(features)
        shape, taps = _taps(size, *map(_pair, (self.kernel_size, self.stride, self.padding, self.dilation)))
        channels = features.shape[1]
        matrices = (self.weight.reshape(channels, -1) @ taps).view(channels, size[0] * size[1], -1)
        return _unplanes(torch.bmm(_planes(features).flatten(2), matrices), shape)


class PointwisePlanes(nn.Conv2d):
    """A 1 x 1 convolution as one matrix product per group. Same weights as ``nn.Conv2d``."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, groups * inputs, height, width) to (batch, groups * outputs, height', width')."""
        if not _on_cpu(features):
            return super().forward(features)
        features = features[:, :, :: self.stride[0], :: self.stride[1]]
        batch, _, height, width = features.shape
        weight = self.weight.reshape(self.groups, -1, self.weight.shape[1])
        pixels = _planes(features).reshape(self.groups, weight.shape[2], -1)
        out = torch.bmm(weight, pixels)
        return _unplanes(out.view(-1, batch, height * width), (height, width))


class BatchNormPlanes(nn.BatchNorm2d):
    """Batch normalisation."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (batch, channels, height, width)."""
        if not _on_cpu(features):
            return super().forward(features)
        planes = _planes(features)
        # Statistics do not care which image a pixel belongs to.
        normal: Tensor = super().forward(planes.flatten(2)[None])
        return normal.view(planes.shape).transpose(0, 1)


class MaxPoolPlanes(nn.MaxPool2d):
    """Max pooling, which treats channels and images alike."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, height', width')."""
        on_cpu = _on_cpu(features)
        pooled: Tensor = super().forward(_planes(features) if on_cpu else features)
        return pooled.transpose(0, 1) if on_cpu else pooled


class AvgPoolPlanes(nn.AvgPool2d):
    """Average pooling as one matrix for all channels; padding is either counted or not."""

    def forward(self, features: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, height', width')."""
        size = (features.shape[2], features.shape[3])
        plain = not self.ceil_mode and self.divisor_override is None
        if not _on_cpu(features) or size[0] * size[1] > _MATRIX_PIXELS or not plain:
            return super().forward(features)
        kernel = _pair(self.kernel_size)
        shape, taps = _taps(size, kernel, _pair(self.stride), _pair(self.padding), (1, 1))
        matrix = taps.sum(dim=0).view(size[0] * size[1], -1)
        matrix = matrix / (kernel[0] * kernel[1] if self.count_include_pad else matrix.sum(dim=0))
        return _unplanes(_planes(features).flatten(2) @ matrix, shape)


class JoinPlanes(JoinChannels):
    """Concatenates feature maps along the channels."""

    def forward(self, parts: list[Tensor]) -> Tensor:
        """Join maps of shape (batch, groups * channels_i, height, width)."""
        if not _on_cpu(parts[0]):
            return super().forward(parts)
        planes = [_planes(part) for part in parts]
        split = [part.view(self.groups, -1, *part.shape[1:]) for part in planes]
        return torch.cat(split, dim=1).flatten(0, 1).transpose(0, 1)


_FORMS: Mapping[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm2d: BatchNormPlanes,
    nn.MaxPool2d: MaxPoolPlanes,
    nn.AvgPool2d: AvgPoolPlanes,
    JoinChannels: JoinPlanes,
}


def _on_cpu(features: Tensor) -> bool:
    return features.device.type == "cpu"


def _planes(features: Tensor) -> Tensor:
    """Return (channels, batch, height, width), contiguous: a view if the memory has that order."""
    return features.transpose(0, 1).contiguous()


def _unplanes(flat: Tensor, shape: _Pair) -> Tensor:
    """Return (batch, channels, height, width), a view of (channels, batch, pixels)."""
    return flat.view(*flat.shape[:2], *shape).transpose(0, 1)


def _pair(value: int | tuple[int, ...] | str) -> _Pair:
    """Return what a layer's setting means for rows and columns; ``keep_planes`` lets no word through."""
    if isinstance(value, tuple):
        return value[0], value[1]
    return int(value), int(value)


@lru_cache(maxsize=64)
def _taps(size: _Pair, kernel: _Pair, stride: _Pair, padding: _Pair, dilation: _Pair) -> tuple[_Pair, Tensor]:
    """Return output height and width, and which input pixel each output pixel sees through each tap.

    The tensor has shape (taps, input pixels * output pixels) and holds zeros and ones.
    """
    height, width = (
        (size[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
        for axis in range(2)
    )
    taps = torch.zeros(*kernel, *size, height, width, device="cpu")
    for row, column, down, right in product(*map(range, (*kernel, height, width))):
        y = down * stride[0] - padding[0] + row * dilation[0]
        x = right * stride[1] - padding[1] + column * dilation[1]
        if 0 <= y < size[0] and 0 <= x < size[1]:
            taps[row, column, y, x, down, right] = 1.0
    return (height, width), taps.view(kernel[0] * kernel[1], -1)
