"""A supernet whose parts all differ, for tests."""

import torch
from torch import nn

from predictors.weight_sharing.supernet import make_supernet


def unusual_supernet(space, dataset, **size):
    """Not trained, but every batch normalisation has statistics and weights of its own."""
    torch.manual_seed(0)
    net = make_supernet(space, dataset, **size)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for tensor in (layer.running_mean, layer.bias):
                    tensor.uniform_(-0.5, 0.5)
                for tensor in (layer.running_var, layer.weight):
                    tensor.uniform_(0.5, 1.5)
        net.network.classifier.weight.mul_(10.0)
    return net.eval()
