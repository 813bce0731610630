"""Small files of the official layouts."""

import pickle

import numpy as np
import pytest

from tasks.benchmarks.training.data import load_data
from tasks.benchmarks.training.official_images import OFFICIAL, official_name
from tasks.benchmarks.training.recipe import Recipe
from tasks.benchmarks.unpickle import load_python2
from tasks.errors import InputError

N = 40


def _write(folder, name, labels=None):
    files = OFFICIAL[name]
    rng = np.random.default_rng(0)
    folder.mkdir()
    for file in (*files.train, *files.test):
        content = {
            "data": rng.integers(256, size=(N, 3 * files.side**2), dtype=np.uint8),
            files.labels: [files.first + i % (files.classes + 3 * files.first) for i in range(N)]
            if labels is None
            else labels,
        }
        (folder / file).write_bytes(pickle.dumps(content, protocol=2))
    return folder


@pytest.mark.parametrize("name", OFFICIAL)
def test_reads_the_official_layout(tmp_path, name):
    folder, files = _write(tmp_path / "files", name), OFFICIAL[name]
    assert official_name(folder) == name
    data = load_data(Recipe(space="nasbench201", dataset=str(folder)))
    assert data.info.name == name
    assert (data.info.resolution, data.info.channels) == (files.side, 3)
    assert data.train_images.shape[1:] == (3, files.side, files.side)
    assert data.train_labels.min() == 0
    assert data.train_labels.max() < files.classes
    assert abs(float(data.train_images.mean())) < 0.1


def test_pixels_are_stored_by_channel(tmp_path):
    folder = _write(tmp_path / "files", "cifar10")
    for file in folder.iterdir():
        ramp = np.repeat(np.array([0, 100, 200], dtype=np.uint8), 1024)
        rows = np.tile(ramp, (N, 1))
        rows[::2] += np.arange(3072, dtype=np.uint8) % 32
        file.write_bytes(pickle.dumps({"data": rows, "labels": [i % 10 for i in range(N)]}, protocol=2))
    images = load_data(Recipe(space="nasbench201", dataset=str(folder))).test_images
    assert np.all(np.diff(images[0, 0, 0]) > 0)
    assert np.all(images[0, 0] == images[0, 0, 0])


def test_classes_beyond_the_first_120_are_left_out(tmp_path):
    folder = _write(tmp_path / "files", "imagenet16-120", labels=[1, 120, 121, 1000] * (N // 4))
    data = load_data(Recipe(space="nasbench201", dataset=str(folder)))
    assert set(data.train_labels) == {0, 119}
    assert len(data.test_labels) == N // 2


def test_python_2_texts(tmp_path):
    # As Python 2 wrote {'data': 'ab\xff'}: short strings of bytes.
    assert load_python2(b"\x80\x02}q\x00U\x04dataq\x01U\x03ab\xffq\x02s.") == {"data": "ab\xff"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"labels": [0]}, "must hold the fields 'data' and 'labels'"),
        ({"data": np.zeros((2, 5), dtype=np.uint8), "labels": [0, 1]}, r"bytes of shape \(n, 3072\)"),
        ({"data": np.zeros((2, 3072), dtype=np.uint8), "labels": [0]}, "one integer per image"),
    ],
)
def test_files_of_another_content(tmp_path, content, message):
    folder = _write(tmp_path / "files", "cifar10")
    (folder / "data_batch_3").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(InputError, match=f"data_batch_3: .*{message}"):
        load_data(Recipe(space="nasbench201", dataset=str(folder)))


def test_code_in_a_file_is_refused(tmp_path):
    folder = _write(tmp_path / "files", "cifar10")
    (folder / "test_batch").write_bytes(b"\x80\x02cos\nsystem\nU\x04trueR.")
    with pytest.raises(InputError, match=r"test_batch: .*refused"):
        load_data(Recipe(space="nasbench201", dataset=str(folder)))
