"""Pairs of scikit-learn's handwritten digits: 55 classes that need no download.

The 1,797 images of 8 x 8 pixels (Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits",
UCI Machine Learning Repository, 1998) alone are too easy to tell architectures apart. A pair is two
of them laid over each other, and its class says which two digits, in any order. There are about
half a million training pairs, so that no network memorises them, and an image is no larger than a
digit, so that training stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.benchmarks.training.data import Images, Labels, TrainingData
from tasks.seeds import generator
from tasks.spaces.base import DatasetInfo

if TYPE_CHECKING:
    from tasks.benchmarks.training.recipe import Recipe

CLASSES = 55
"""Unordered pairs of ten digits, equal ones included."""

_SIDE = 8
_VALIDATION, _TEST = 400, 397
_CENTRE, _SCALE = 6.0, 6.5  # Mean and deviation of pairs, roughly; grey levels are 0 to 16.


def load_digit_pairs(recipe: Recipe) -> TrainingData:
    """Return 1,000 training digits, and fixed validation and test pairs of other digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = scaled(digits.images[:, None])
    labels = digits.target.astype(np.int64)
    order = generator("digits", "split").permutation(len(labels))
    test, val, train = np.split(order, [_TEST, _TEST + _VALIDATION])
    val_images, val_labels = _fixed_pairs("val", recipe.val_size, images[val], labels[val])
    test_images, test_labels = _fixed_pairs("test", recipe.test_size, images[test], labels[test])
    return TrainingData(
        info=DatasetInfo("digits", num_classes=CLASSES, resolution=_SIDE, channels=1),
        train_images=images[train],
        train_labels=labels[train],
        val_images=val_images,
        val_labels=val_labels,
        test_images=test_images,
        test_labels=test_labels,
        compose="pairs",
        blank=float(scaled(np.zeros(1))[0]),
    )


def _fixed_pairs(part: str, count: int, images: Images, labels: Labels) -> tuple[Images, Labels]:
    """Draw pairs with a fixed seed, one after another, so that more pairs begin with the same ones."""
    first, second = generator("digits", part, "pairs").integers(len(labels), size=(count, 2)).T
    return lay_over(images[first], images[second]), pair_labels(labels[first], labels[second])


def scaled(images: NDArray[np.float64]) -> Images:
    """Return grey levels 0 to 16 as network input."""
    return ((images - _CENTRE) / _SCALE).astype(np.float32)


def lay_over(first: Images, second: Images) -> Images:
    """Return images that show the brighter pixel of both, as ink on ink."""
    return np.maximum(first, second)


def pair_labels(first: Labels, second: Labels) -> Labels:
    """Return the class of pairs, 0 to 54, the same in either order."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    # Before those that begin with low come 10 + 9 + ... pairs of smaller ones.
    return np.asarray(low * (21 - low) // 2 + high - low)
