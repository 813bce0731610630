"""From the device that a run asks for to where tensors are made."""

import pytest
import torch

import pipeline.evaluate
from pipeline.commands.run import RunSettings, _shapes, run
from pipeline.evaluate import Context, evaluate_batch
from pipeline.execute.session import check_fits
from pipeline.run import context_of, prepare, share_gpus
from pipeline.study import Study
from tasks.errors import InputError


def prepared(*names):
    study = Study(
        name="s",
        tasks=["nasbench201/cifar10"],
        predictors=[{"name": name, "params": {"epochs": 2} if name == "mlp" else {}} for name in names],
        train_sizes=[10],
        trials=2,
        test_size=20,
    )
    return prepare(study, None)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def rows(ready, device):
    context = context_of(ready.study, device)
    assert context.device == device
    return evaluate_batch(ready.todo, ready.tables["nasbench201/cifar10"], context).rows


def test_rows_say_where_they_were_computed():
    assert [(row["status"], row["device"]) for row in rows(prepared("mlp"), "cpu")] == [("ok", "cpu")] * 2


def test_predictors_that_cannot_use_a_gpu_stay_on_the_cpu(no_gpu):
    assert [(row["status"], row["device"]) for row in rows(prepared("xgb"), "cuda")] == [("ok", "cpu")] * 2


def test_a_worker_without_the_gpu_it_should_have_says_so(no_gpu):
    for row in rows(prepared("mlp"), "cuda"):
        assert (row["status"], row["error_type"], row["device"]) == ("error", "InputError", "cuda")
        assert "torch finds no GPU here" in row["error_message"]


def test_the_device_reaches_the_tensors(monkeypatch):
    monkeypatch.setattr(pipeline.evaluate, "choose_device", lambda device: device)
    for row in rows(prepared("mlp"), "meta"):
        assert row["device"] == "meta"
        assert "meta tensor" in row["error_message"]


def test_tasks_on_a_gpu_need_a_share_of_one():
    ready = prepared("mlp", "xgb")
    assert _shapes(ready.todo, ready) == [{"CPU": 1.0}]
    share_gpus(ready.plan.infos)
    assert _shapes(ready.todo, ready) == [{"CPU": 1.0}, {"CPU": 1.0, "GPU": 0.25}]
    shares = {task.predictor: ready.cost.demand(task).num_gpus for task in ready.todo}
    assert shares == {"mlp": 0.25, "xgb": 0.0}
    with pytest.raises(InputError, match=r"needs a node with 1 CPU, 0\.25 GPU"):
        check_fits(_shapes(ready.todo, ready), [{"CPU": 4.0}], complete=True)


@pytest.mark.parametrize(
    ("device", "message"), [("cuda", "torch finds no GPU here"), ("gpu", "--device 'gpu': ")]
)
def test_a_device_that_is_not_there_ends_the_run_before_it_begins(tmp_path, no_gpu, device, message):
    settings = RunSettings(out=str(tmp_path / "out"), serial=True, device=device)
    with pytest.raises(InputError, match=message):
        run(prepared("mlp").study, settings)


def test_the_default_is_the_cpu():
    assert (Context("s").device, RunSettings().device) == ("cpu", "cpu")
