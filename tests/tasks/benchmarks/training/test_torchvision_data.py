"""Data sets of torchvision, with a stand-in for the package."""

import sys
import types

import numpy as np
import pytest
from PIL import Image

from tasks.benchmarks.training.data import load_data
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.training.torchvision_data import load_torchvision
from tasks.errors import InputError

N = 20


class VisionDataset:
    """What torchvision's data sets derive from."""

    def __init__(self, root=None, transforms=None, transform=None, target_transform=None):
        self.root = root

    def __len__(self):
        return N


class MNIST(VisionDataset):
    """One array, an argument ``train``."""

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root)
        assert download
        self.data = np.full((N, 30, 30), 200 if train else 100, dtype=np.uint8)
        self.data[::2] //= 2
        self.targets = np.arange(N) % 2


class KMNIST(MNIST):
    """Takes its arguments from its base."""


class EMNIST(MNIST):
    """Its ``split`` is a choice of letters, and ``train`` is among the keywords."""

    def __init__(self, root, split, **kwargs):
        assert split == "balanced"
        super().__init__(root, **kwargs)


class SVHN(VisionDataset):
    """One array with channels first, an argument ``split``."""

    def __init__(self, root, split="train", transform=None, target_transform=None, download=False):
        super().__init__(root)
        if split not in ("train", "test"):
            raise ValueError(f"Unknown value {split!r} for argument split.")
        self.data = np.random.default_rng(len(split)).integers(256, size=(N, 3, 32, 32), dtype=np.uint8)
        self.labels = np.arange(N) % 3


class Pet(VisionDataset):
    """Files of any size, parts of other names."""

    parts = ("trainval", "test")

    def __init__(self, root, split="trainval", transform=None, target_transform=None, download=False):
        super().__init__(root)
        if split not in self.parts:
            raise ValueError(f"Unknown value {split!r}; valid values are {self.parts}")
        self.split = split

    def __getitem__(self, index):
        mode, fill = ("L", 40) if index % 2 else ("RGB", (10, 20, 30 if self.split == "test" else 230))
        return Image.new(mode, (30 + index, 17), fill), np.int64(index % 2)


class Imagenette(Pet):
    """Has no test part."""

    parts = ("train", "val")


class Extra(Pet):
    """Has none of the parts that are known."""

    parts = ("unlabeled",)


class EuroSAT(VisionDataset):
    """Does not distinguish parts."""

    def __init__(self, root, transform=None, target_transform=None, download=False):
        super().__init__(root)

    def __getitem__(self, index):
        return Image.new("RGB", (64, 64), (index, 0, 0)), index % 4


class ImageFolder(EuroSAT):
    """For anybody's files."""


class CelebA(EuroSAT):
    """Labels that are no classes."""

    def __getitem__(self, index):
        return Image.new("RGB", (64, 64)), [0, 1, 1]


class Flow(EuroSAT):
    """Items that are no pairs."""

    def __getitem__(self, index):
        return Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64)), None


class Volumes(EuroSAT):
    """One array without labels."""

    data = np.zeros((N, 3, 8, 8))

    def __getitem__(self, index):
        return self.data[index], 0


class Torn(EuroSAT):
    """A damaged file."""

    def __getitem__(self, index):
        raise OSError("image file is truncated")


class Kinetics(VisionDataset):
    """Needs more than a folder."""

    def __init__(self, root, frames_per_clip, split="train"):
        super().__init__(root)


class FakeData(VisionDataset):
    """Has no folder."""

    def __init__(self, size=1000, transform=None):
        super().__init__(None)


class Offline(EuroSAT):
    """Cannot be downloaded."""

    def __init__(self, root, transform=None, target_transform=None, download=False):
        raise RuntimeError("Dataset not found or corrupted.")


@pytest.fixture(autouse=True)
def torchvision(monkeypatch):
    module = types.ModuleType("torchvision.datasets")
    for value in list(globals().values()):
        if isinstance(value, type) and issubclass(value, VisionDataset):
            setattr(module, value.__name__, value)
    module.wrap = VisionDataset.__len__
    monkeypatch.setitem(sys.modules, "torchvision.datasets", module)


def load(name, folder, **fields):
    recipe = Recipe(space="nasbench201", dataset=f"torchvision:{name}", val_size=10, test_size=20, **fields)
    return load_torchvision(recipe, folder)


@pytest.mark.parametrize("name", ["MNIST", "KMNIST", "EMNIST"])
def test_arrays_are_padded_and_the_test_part_is_the_official_one(name, tmp_path):
    data = load(name, tmp_path)
    assert (data.info.name, data.info.resolution, data.info.channels) == (name.lower(), 32, 1)
    assert (len(data.train_labels), len(data.val_labels), len(data.test_labels)) == (16, 4, 20)
    assert data.test_images.max() < data.train_images.max()


def test_arrays_with_a_split(tmp_path):
    data = load("SVHN", tmp_path)
    assert data.train_images.shape == (16, 3, 32, 32)
    assert data.info.num_classes == 3


@pytest.mark.parametrize(("name", "size"), [("Pet", 16), ("Imagenette", 8)])
def test_files_are_read_one_by_one(name, size, tmp_path):
    data = load(name, tmp_path, image_size=size)
    assert data.train_images.shape == (16, 3, size, size)
    assert data.test_images.shape == (20, 3, size, size)
    assert data.test_labels.tolist() == [index % 2 for index in range(N)]
    coloured, grey = data.test_images[::2], data.test_images[1::2]
    for images in (coloured, grey):
        assert np.all(images == images[:1, :, :1, :1])
    # Red is below the grey level, blue above it but in the test part of Pet.
    red, blue = (
        np.sign(coloured[0, 0, 0, 0] - grey[0, 0, 0, 0]),
        np.sign(coloured[0, 2, 0, 0] - grey[0, 2, 0, 0]),
    )
    assert (red, blue) == (-1, -1 if name == "Pet" else 1)


def test_a_class_without_parts_is_split(tmp_path):
    data = load("EuroSAT", tmp_path, image_size=4)
    assert len(data.train_labels) + len(data.val_labels) + len(data.test_labels) == N
    assert data.info.num_classes == 4


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("EuroSat", {}, "did you mean 'EuroSAT'"),
        ("VisionDataset", {}, "unknown name"),
        ("wrap", {}, "unknown name"),
        ("ImageFolder", {}, "unknown name"),
        ("CelebA", {}, "no data set of images with one class each: item 0 is (Image, list)"),
        ("Flow", {}, "item 0 is (tuple, NoneType)"),
        ("Volumes", {}, "item 0 is (ndarray, int)"),
        ("Torn", {}, "item 0 cannot be read: image file is truncated"),
        ("Kinetics", {}, "Kinetics needs frames_per_clip"),
        ("FakeData", {}, "FakeData reads no folder"),
        ("Extra", {}, "has no such part: Unknown value 'train'"),
        ("Offline", {}, "cannot be downloaded: Dataset not found"),
        ("Pet", {"image_size": 30}, "image_size is 30, must be a multiple of 4"),
    ],
)
def test_what_cannot_be_used_is_explained(name, fields, message, tmp_path):
    with pytest.raises(InputError) as caught:
        load(name, tmp_path, **fields)
    assert str(caught.value).startswith(f"data set 'torchvision:{name}': ")
    assert message in str(caught.value)


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(InputError, match=r"torchvision:MNIST.*pip install torchvision"):
        load_data(Recipe(space="nasbench201", dataset="torchvision:MNIST"))
