"""The files of NAS-Bench-201 and NATS-Bench (topology), architecture by architecture.

Dong and Yang, "NAS-Bench-201", ICLR 2020; Dong, Liu, Musial and Gabrys, "NATS-Bench", TPAMI 2021.
Three containers hold the same records: ``NAS-Bench-201-v1_1-*.pth`` (a torch archive),
``NATS-tss-*.pickle.pbz2`` (one compressed pickle) and the folder ``NATS-tss-*-simple`` (one
compressed pickle for each architecture).
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.benchmarks.official.runs import MALFORMED
from tasks.benchmarks.unpickle import load_data
from tasks.errors import InputError

FULL, SHORT = 200, 12
"""Epochs of the two training schedules."""

Record = Mapping[int, Mapping[str, Any]]
"""Epochs of the schedule -> the record of an architecture: ``arch_str`` and ``all_results``."""

_SCHEDULES = {"full": FULL, "200": FULL, "less": SHORT, "12": SHORT}
_MEMBER = re.compile(r"(\d{6})\.pickle\.pbz2")


def read_archive(source: Path) -> Iterator[tuple[float, Record]]:
    """Yield (share read so far, record) for each architecture, in the order of their index.

    Raises:
        InputError: No such file, another kind of file, or one that holds more than data.
    """
    if source.is_dir():
        members = sorted(path for path in source.iterdir() if _MEMBER.fullmatch(path.name))
        if not members:
            raise InputError(f"{source}: has no files 000000.pickle.pbz2 and so on")
        for number, path in enumerate(members, start=1):
            yield number / len(members), _record(load_data(path), str(path))
        return
    if not source.is_file():
        raise InputError(f"{source}: no such file or folder")
    content = _load_torch(source) if source.suffix == ".pth" else load_data(source)
    infos = content.get("arch2infos") if isinstance(content, dict) else None
    if not isinstance(infos, dict) or not infos:
        raise InputError(f"{source}: has no entry 'arch2infos'; expected a file of NAS-Bench-201 or NATS-tss")
    if not all(type(index) is int for index in infos):
        raise InputError(f"{source}: the keys of 'arch2infos' must be the numbers of architectures")
    for number, index in enumerate(sorted(infos), start=1):
        yield number / len(infos), _record(infos[index], f"{source}: architecture {index}")


def _load_torch(source: Path) -> object:
    import torch

    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, *MALFORMED) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{source}: refused or damaged as a torch archive of plain data ({first})"
        ) from error


def _record(content: object, where: str) -> Record:
    if not isinstance(content, Mapping):
        raise InputError(f"{where}: expected a dict of training schedules, got {type(content).__name__}")
    record = {_SCHEDULES[name]: value for name, value in content.items() if name in _SCHEDULES}
    for value in record.values():
        if not isinstance(value, Mapping) or not {"arch_str", "all_results"} <= set(value):
            raise InputError(f"{where}: a schedule has no entries 'arch_str' and 'all_results'")
    if FULL not in record:
        raise InputError(
            f"{where}: has no training of {FULL} epochs, only {sorted(map(str, content))}; "
            "the size search space of NATS-Bench is not supported"
        )
    return record
