"""One record of the NAS-Bench-101 files: a cell and one training run of it.

A record is the JSON list [module hash, epochs, adjacency matrix as a string of 0 and 1 row by row,
operations separated by commas, base64 of a protocol buffer]. The buffer's message is described in
the code released with Ying et al., "NAS-Bench-101", ICML 2019 (``model_metrics.proto``).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from tasks.errors import InputError

EPOCHS = (4, 12, 36, 108)
"""Lengths of the training runs."""

_EVALUATIONS = 3
"""Of an untrained network, half-way through training, and at its end."""


@dataclass(frozen=True, slots=True)
class Run:
    """A cell and one training run of it.

    Attributes:
        module_hash: 32 hexadecimal digits.
        cell: The cell in the notation of the search space.
        epochs: Length of the training, one of ``EPOCHS``.
        params: Trainable parameters of the network.
        train_time_s: Seconds of training, evaluation left out.
        val_acc: Validation accuracy at the end, a fraction.
        test_acc: Test accuracy at the end, a fraction.
    """

    module_hash: str
    cell: str
    epochs: int
    params: int
    train_time_s: float
    val_acc: float
    test_acc: float


def read_run(content: bytes) -> Run:
    """Return what a record holds.

    Raises:
        InputError: It is no record of NAS-Bench-101; says what is wrong with it.
    """
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON ({error}), so this is no file of NAS-Bench-101") from error
    if not isinstance(fields, list) or [type(field) for field in fields] != [str, int, str, str, str]:
        raise InputError(
            "must be a list [module hash, epochs, adjacency, operations, metrics], got "
            f"{content[:120].decode(errors='replace')!r}"
        )
    module_hash, epochs, adjacency, operations, metrics = fields
    if epochs not in EPOCHS:
        raise InputError(f"module {module_hash}: epochs is {epochs}, must be one of {EPOCHS}")
    message = _message(module_hash, metrics)
    final = message.evaluation_data[-1]
    return Run(
        module_hash=module_hash,
        cell=f'{{"matrix":{_matrix(adjacency)},"ops":{_operations(operations)}}}',
        epochs=epochs,
        params=message.trainable_parameters,
        train_time_s=final.training_time,
        val_acc=final.validation_accuracy,
        test_acc=final.test_accuracy,
    )


def _message(module_hash: str, metrics: str) -> Any:  # noqa: ANN401  # a class made at run time
    try:
        message = _METRICS.FromString(base64.b64decode(metrics, validate=True))
    except (binascii.Error, ValueError, DecodeError) as error:
        raise InputError(f"module {module_hash}: metrics cannot be decoded ({error})") from error
    if len(message.evaluation_data) != _EVALUATIONS:
        raise InputError(
            f"module {module_hash}: metrics hold {len(message.evaluation_data)} evaluations, must be "
            f"{_EVALUATIONS}: before, half-way through and after training"
        )
    final = message.evaluation_data[-1]
    # A number that is missing would read as zero.
    missing = [name for name in _USED if not final.HasField(name)]
    if not message.HasField("trainable_parameters"):
        missing.append("trainable_parameters")
    if missing:
        raise InputError(f"module {module_hash}: metrics lack {', '.join(missing)}")
    return message


@lru_cache(maxsize=2**16)
def _matrix(adjacency: str) -> str:
    n = round(len(adjacency) ** 0.5)
    if n * n != len(adjacency) or not set(adjacency) <= {"0", "1"}:
        raise InputError(
            f"adjacency is {adjacency!r}, must be n x n digits 0 or 1 for n vertices, row by row"
        )
    rows = [[int(digit) for digit in adjacency[row : row + n]] for row in range(0, n * n, n)]
    return json.dumps(rows, separators=(",", ":"))


@lru_cache(maxsize=2**16)
def _operations(operations: str) -> str:
    return json.dumps(operations.split(","), separators=(",", ":"))


def _metrics_class() -> Any:  # noqa: ANN401  # a class made at run time
    """Return the class of the message, made from its description without a compiler."""
    double, text, integer, message = (
        FieldDescriptorProto.TYPE_DOUBLE,
        FieldDescriptorProto.TYPE_STRING,
        FieldDescriptorProto.TYPE_INT32,
        FieldDescriptorProto.TYPE_MESSAGE,
    )
    file = FileDescriptorProto(name="nasbench101.proto", package="nasbench", syntax="proto2")
    evaluation = file.message_type.add(name="EvaluationData")
    for number, name in enumerate(("current_epoch", "training_time", *_ACCURACIES), start=1):
        evaluation.field.add(name=name, number=number, type=double, label=FieldDescriptorProto.LABEL_OPTIONAL)
    evaluation.field.add(
        name="checkpoint_path", number=6, type=text, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    metrics = file.message_type.add(name="ModelMetrics")
    metrics.field.add(
        name="evaluation_data",
        number=1,
        type=message,
        type_name=".nasbench.EvaluationData",
        label=FieldDescriptorProto.LABEL_REPEATED,
    )
    metrics.field.add(
        name="trainable_parameters", number=2, type=integer, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    metrics.field.add(name="total_time", number=3, type=double, label=FieldDescriptorProto.LABEL_OPTIONAL)
    # A pool of its own: the default one would clash with a program that has loaded nasbench.
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("nasbench.ModelMetrics"))


_ACCURACIES = ("train_accuracy", "validation_accuracy", "test_accuracy")
_USED = ("training_time", "validation_accuracy", "test_accuracy")
_METRICS = _metrics_class()
