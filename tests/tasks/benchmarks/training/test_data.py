"""Data sets of every source, and mini-batches."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.benchmarks.training.data import load_data
from tasks.benchmarks.training.digits import CLASSES, pair_labels
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.training.streams import BatchStream
from tasks.errors import InputError

RECIPE = Recipe(
    space="nasbench201", epochs=2, steps_per_epoch=3, batch_size=4, val_size=20, val_part=10, test_size=30
)
FIELDS = ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels")


def _npz(path, **changes):
    rng = np.random.default_rng(0)
    arrays = {"x_train": rng.integers(256, size=(20, 8, 8, 3), dtype=np.uint8), "y_train": np.arange(20) % 4}
    arrays.update(changes)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return replace(RECIPE, dataset=str(path))


def test_digits_are_the_same_each_time_and_parts_are_disjoint():
    first, second = load_data(RECIPE), load_data(RECIPE)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(first, field), getattr(second, field))
    side = first.info.resolution
    assert first.val_images.shape == (20, 1, side, side)
    assert first.test_images.shape == (30, 1, side, side)
    assert first.info.num_classes > first.train_labels.max()
    assert not np.array_equal(first.val_images, first.test_images[:20])
    larger = load_data(replace(RECIPE, val_size=50))
    assert larger.val_images.shape[0] == 50


def test_pairs_are_unordered():
    first, second = np.divmod(np.arange(100), 10)
    labels = pair_labels(first, second)
    assert set(labels.tolist()) == set(range(CLASSES))
    np.testing.assert_array_equal(labels, pair_labels(second, first))


def test_streams_depend_on_their_seed_only():
    data = load_data(RECIPE)
    one, same, other = (BatchStream(RECIPE, data, seed) for seed in (1, 1, 2))
    images, labels = one.epoch()
    assert images.shape == (3, 4, *data.val_images.shape[1:])
    assert labels.shape == (3, 4)
    again, _ = same.epoch()
    np.testing.assert_array_equal(images, again)
    assert not np.array_equal(images, other.epoch()[0])
    assert not np.array_equal(images, one.epoch()[0])


def test_single_images_are_shown_once_per_pass(tmp_path):
    recipe = replace(_npz(tmp_path / "a.npz"), steps_per_epoch=4, batch_size=3)
    data = load_data(recipe)
    assert len(data.train_labels) == 13  # 20 less a fifth, less a fifth of the rest
    stream = BatchStream(recipe, data, 0)
    shown = np.concatenate([stream.epoch()[0].reshape(12, -1) for _ in range(13)])
    _, counts = np.unique(shown, axis=0, return_counts=True)
    assert counts.tolist() == [12] * 13


def test_shift_moves_and_flip_mirrors(tmp_path):
    images = np.zeros((20, 8, 8), dtype=np.float64)
    images[:, 3, 2] = 1.0
    recipe = replace(_npz(tmp_path / "a.npz", x_train=images), steps_per_epoch=50, shift=1)
    data = load_data(recipe)
    shifted, _ = BatchStream(recipe, data, 0).epoch()
    brightest = shifted.reshape(-1, 64).argmax(axis=1)
    assert {(int(pixel) // 8, int(pixel) % 8) for pixel in brightest} == {
        (row, column) for row in (2, 3, 4) for column in (1, 2, 3)
    }
    flipped, _ = BatchStream(replace(recipe, shift=0, flip=True), data, 0).epoch()
    assert set(flipped.reshape(-1, 64).argmax(axis=1).tolist()) == {3 * 8 + 2, 3 * 8 + 5}
    noisy, _ = BatchStream(replace(recipe, shift=0, noise=0.5), data, 0).epoch()
    plain, _ = BatchStream(replace(recipe, shift=0), data, 0).epoch()
    assert 0.4 < (noisy - plain).std() < 0.6


def test_npz_layouts_agree(tmp_path):
    rng = np.random.default_rng(1)
    images = rng.integers(256, size=(20, 8, 8, 3), dtype=np.uint8)
    last = load_data(_npz(tmp_path / "a.npz", x_train=images))
    first = load_data(_npz(tmp_path / "b.npz", x_train=images.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(last.train_images, first.train_images)
    assert (last.info.num_classes, last.info.resolution, last.info.channels) == (4, 8, 3)
    assert abs(last.train_images.mean()) < 1e-3
    assert len(last.val_labels) + len(last.test_labels) + len(last.train_labels) == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": None}, "array 'y_train' is missing"),
        ({"labels": np.zeros(3)}, "unknown array 'labels'"),
        ({"x_val": np.zeros((3, 8, 8))}, "x_val and y_val must be given together"),
        ({"x_train": np.zeros((20, 8, 8, 7))}, "images have the shape (20, 8, 8, 7)"),
        ({"x_train": np.zeros((20, 8, 12))}, "must be square"),
        ({"x_train": np.full((20, 8, 8), np.inf)}, "not finite"),
        ({"y_train": np.zeros(20, dtype=int)}, "at least two classes"),
        ({"y_train": np.zeros(19, dtype=int)}, "must be one each"),
        ({"y_train": np.full(20, 0.5)}, "labels must be integers from 0"),
        ({"x_val": np.zeros((3, 12, 12, 3)), "y_val": np.zeros(3, int)}, "val images have the shape"),
        ({"x_val": np.zeros((3, 8, 8, 3)), "y_val": np.full(3, 9)}, "val has the label 9"),
    ],
)
def test_bad_npz(tmp_path, changes, message):
    recipe = _npz(tmp_path / "a.npz", **changes)
    with pytest.raises(InputError) as caught:
        load_data(recipe)
    assert message in str(caught.value)
    assert "a.npz" in str(caught.value)


def test_file_that_is_no_npz(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"text")
    with pytest.raises(InputError, match=r"cannot be read as an \.npz file"):
        load_data(replace(RECIPE, dataset=str(tmp_path / "a.npz")))


def _image(path, level):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((9, 7, 3), level, dtype=np.uint8)).save(path)


def test_folder_of_images(tmp_path):
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        for label, name in enumerate(("ant", "bee")):
            for index in range(count):
                _image(tmp_path / part / name / f"{index}.png", 100 * label + index)
    data = load_data(replace(RECIPE, dataset=str(tmp_path), image_size=8))
    assert data.train_images.shape == (6, 3, 8, 8)
    assert data.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.test_labels.tolist() == [0, 1]
    (tmp_path / "val" / "cat").mkdir()
    with pytest.raises(InputError, match="class without training images"):
        load_data(replace(RECIPE, dataset=str(tmp_path), image_size=8))


def test_unusable_folders(tmp_path):
    (tmp_path / "ant").mkdir()
    recipe = replace(RECIPE, dataset=str(tmp_path))
    with pytest.raises(InputError, match="1 folders of classes"):
        load_data(recipe)
    (tmp_path / "bee").mkdir()
    with pytest.raises(InputError, match="no images in"):
        load_data(recipe)
    (tmp_path / "ant" / "a.png").write_bytes(b"text")
    with pytest.raises(InputError, match=r"a\.png cannot be read as an image"):
        load_data(recipe)


@pytest.mark.parametrize("name", ["digit", "torchvision:CIFAR11", "missing.npz"])
def test_unknown_data_sets(name):
    with pytest.raises(InputError) as caught:
        load_data(replace(RECIPE, dataset=name))
    assert name in str(caught.value)
