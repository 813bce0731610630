"""Layers that handle channels, in a form that several networks stacked along them can share.

A network whose convolutions are grouped can train R independent copies at once: the channels of
copy r are the r-th of R equal parts. Convolution, batch normalisation, pooling and element-wise
layers need no more than a group count; cutting and joining channels must be done copy by copy.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class JoinChannels(nn.Module):
    """Concatenates feature maps along the channels; ``groups`` copies side by side."""

    def __init__(self, groups: int = 1) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, parts: list[Tensor]) -> Tensor:
        """Join maps of shape (batch, groups * channels_i, height, width)."""
        if self.groups == 1:
            return torch.cat(parts, dim=1)
        split = [_by_copy(part, self.groups) for part in parts]
        return torch.cat(split, dim=2).flatten(1, 2)


class FirstChannels(nn.Module):
    """Keeps the first ``width`` channels; of each of ``groups`` copies."""

    def __init__(self, width: int, groups: int = 1) -> None:
        super().__init__()
        self.width = width
        self.groups = groups

    def forward(self, features: Tensor) -> Tensor:
        """Cut a map of shape (batch, groups * channels, height, width)."""
        if self.groups == 1:
            return features[:, : self.width]
        return _by_copy(features, self.groups)[:, :, : self.width].flatten(1, 2)


def _by_copy(features: Tensor, groups: int) -> Tensor:
    batch, channels, height, width = features.shape
    return features.reshape(batch, groups, channels // groups, height, width)
