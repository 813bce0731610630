"""The content of images is part of a task's key; what cannot be used is named before anything runs."""

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluate import Context, evaluate_batch
from pipeline.plan import make_plan
from pipeline.scoring.job import ScoringJob
from pipeline.scoring.plan import _scorers
from pipeline.study import Study
from tasks.benchmarks.training.official_images import OFFICIAL
from tasks.spaces.base import DatasetInfo, as_arch

NETWORK = {"channels": 4, "cells": 1}
TASK = "nasbench201/mine"


def write(path, *, offset=0, channels=1, validation=0):
    """Write 60 images of 8 x 8 pixels of three classes, and 20 for validation."""
    rng = np.random.default_rng(0)

    def part(count, change):
        pixels = rng.integers(200, size=(count, channels, 8, 8), dtype=np.uint8)
        pixels[0, 0, 0, 0] += change
        return pixels, np.arange(count) % 3

    x_train, y_train = part(60, offset)
    x_val, y_val = part(20, validation)
    np.savez(path, x_train=x_train, y_train=y_train, x_val=x_val, y_val=y_val)
    return str(path)


@pytest.fixture
def table(small_table):
    return replace(small_table, dataset=DatasetInfo("mine", 3, 8, 1))


def plan_of(table, *predictors, trials=1):
    study = Study(name="s", tasks=[table.name], predictors=list(predictors), trials=trials, test_size=5)
    return make_plan(study, {table.name: table})


def key_of(table, name, **params):
    (task,) = plan_of(table, {"name": name, "params": NETWORK | params}).tasks
    return task.key


def test_other_pixels_in_the_same_file_are_other_tasks(table, tmp_path):
    file = tmp_path / "mine.npz"
    keys = [key_of(table, "snip", images=write(file, offset=offset)) for offset in (0, 40, 0)]
    assert keys[0] == keys[2] != keys[1]


def test_validation_images_matter_to_supernets_only(table, tmp_path):
    file = tmp_path / "mine.npz"
    snips, nets = set(), set()
    for change in (0, 40):
        write(file, validation=change)
        snips.add(key_of(table, "snip", images=str(file)))
        nets.add(key_of(table, "rsws", images=str(file)))
    assert (len(snips), len(nets)) == (1, 2)


def test_other_pixels_below_the_folder_of_the_environment(table, tmp_path, monkeypatch):
    official = replace(table, dataset=DatasetInfo("cifar10", 10, 32))
    files, keys = OFFICIAL["cifar10"], []
    for first in (0, 1):
        folder = tmp_path / str(first) / files.folder
        folder.mkdir(parents=True)
        for name in (*files.train, *files.test):
            pixels = np.arange(first, first + 20 * 3072).reshape(20, 3072) % 251
            content = {"data": pixels.astype(np.uint8), files.labels: list(range(10)) * 2}
            (folder / name).write_bytes(pickle.dumps(content, protocol=2))
        monkeypatch.setenv("NASPRED_IMAGES", str(folder.parent))
        keys += [task.key for task in plan_of(official, "snip").tasks]
    assert len(set(keys)) == 2


def test_images_of_a_recipe_count_and_tasks_without_images_keep_their_keys(table, tmp_path):
    file = tmp_path / "mine.npz"
    made = replace(table, build={"recipe": {"space": "nasbench201", "dataset": str(file)}})
    found = []
    for offset in (0, 40):
        write(file, offset=offset)
        found.append({task.predictor: task for task in plan_of(made, "snip", "params").tasks})
    assert found[0]["snip"].key != found[1]["snip"].key
    assert found[0]["snip"].params == found[1]["snip"].params
    assert found[0]["params"] == found[1]["params"]
    assert found[0]["params"].images == ""
    assert replace(found[0]["params"], images="i").key != found[0]["params"].key


def test_a_run_in_the_same_process_sees_the_new_pixels(table, tmp_path):
    file, scores = tmp_path / "mine.npz", []
    for name in ("snip", "rsws"):
        small = {"epochs": 1, "steps": 1, "batch": 4, "val_images": 20, "bn_batches": 1, "replicate": 0}
        params = NETWORK | {"images": str(file)} | (small if name == "rsws" else {})
        for offset in (0, 55):
            write(file, offset=offset, validation=offset)
            tasks = plan_of(table, {"name": name, "params": params}).tasks
            result = evaluate_batch(tasks, table, Context("s", save_predictions=True))
            assert result.rows[0]["status"] == "ok", result.rows[0]["error_message"]
            scores.append(result.predictions["y_pred"].to_pylist())
    assert scores[0] != scores[1]
    assert scores[2] != scores[3]


def test_scores_without_labels_are_of_the_images_too(table, tmp_path):
    file, keys = tmp_path / "mine.npz", {"snip": set(), "params": set()}
    for offset in (0, 40):
        params = NETWORK | {"images": write(file, offset=offset)}
        plan = plan_of(table, {"name": "snip", "params": params}, "params")
        for scorer in _scorers(plan.tasks, plan.infos, {table.name: table}):
            keys[scorer.predictor].add(ScoringJob(scorer, as_arch(table.codes[0]), "a").key)
    assert {name: len(found) for name, found in keys.items()} == {"snip": 2, "params": 1}


def test_images_that_cannot_be_loaded_are_skipped_with_the_reason(table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)  # as where it is not installed
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"no images")
    colours = write(tmp_path / "colours.npz", channels=3)
    for source, expected in (
        (colours, "3 channels, but mine has 1"),
        (str(broken), "cannot be read as an .npz file"),
        ("torchvision:CIFAR10", "torchvision is not installed"),
    ):
        for name in ("snip", "rsws"):
            plan = plan_of(table, {"name": name, "params": {"images": source}}, "params", trials=2)
            assert {task.predictor for task in plan.tasks} == {"params"}
            assert [task.predictor for task, _ in plan.skipped] == [name] * 2
            assert all(why.startswith("needs images: ") and expected in why for _, why in plan.skipped)


def test_a_batch_larger_than_the_images_is_skipped_with_the_reason(table, tmp_path):
    file = write(tmp_path / "mine.npz")

    def reasons(name, batch):
        plan = plan_of(table, {"name": name, "params": NETWORK | {"images": file, "batch": batch}})
        return [why for _, why in plan.skipped]

    # Of the 60, a fifth is held back for testing.
    assert reasons("snip", 48) == []
    (why,) = reasons("snip", 49)
    assert why == f"batch is 49, but there are only 48 training images in {file!r}"
    # A supernet's training goes through its images again and again.
    assert reasons("rsws", 49) == []


def test_a_source_is_read_once_in_a_plan(table, tmp_path, monkeypatch):
    from pipeline import planned_images

    read, calls = planned_images.read_images, []

    def counted(source, dataset):
        calls.append(source)
        return read(source, dataset)

    monkeypatch.setattr(planned_images, "read_images", counted)
    file = write(tmp_path / "mine.npz")
    entries = [{"name": name, "params": {"images": file}} for name in ("snip", "jacov", "synflow")]
    assert len(plan_of(table, *entries, trials=3).tasks) == 9
    assert calls == [file]
