"""From command-line options to a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.study import Study, load_study, quickstart
from tasks.errors import InputError

ALL_READY = "all-ready"


def study_from_options(
    file: Path | None,
    predictors: str | None,
    tasks: str | None,
    train_sizes: str | None,
    epochs: str | None,
    trials: int | None,
    test_size: int | None,
    benchmarks: list[Path],
    plugins: list[Path],
) -> Study:
    """Return the study of a file (or the quickstart) with the options' changes.

    ``all-ready`` for predictors means every one that can run on a table of the study.

    A table given as an option and no task: the study runs on that table. A plug-in given as an
    option and no predictor: its predictors join those of the study.

    Raises:
        InputError: The file or an option is wrong.
    """
    study = quickstart() if file is None else load_study(file)
    changes: dict[str, Any] = {}
    every = predictors == ALL_READY
    if predictors is not None and not every:
        changes["predictors"] = words(predictors, "--predictors")
    if tasks is not None:
        changes["tasks"] = words(tasks, "--tasks")
    if train_sizes is not None:
        changes["train_sizes"] = _numbers(train_sizes, "--train-sizes")
    if epochs is not None:
        changes["epochs"] = _numbers(epochs, "--epochs")
    if trials is not None:
        changes["trials"] = trials
    if test_size is not None:
        changes["test_size"] = test_size
    if benchmarks:
        changes["benchmarks"] = study.benchmarks + [str(path.resolve()) for path in benchmarks]
        if tasks is None and file is None:
            changes["tasks"] = [_task_of(path) for path in benchmarks]
            changes.setdefault("name", "quickstart-" + "-".join(path.stem for path in benchmarks)[:60])
            if test_size is None:
                changes["test_size"] = None
    if plugins:
        changes["plugins"] = study.plugins + [str(path.resolve()) for path in plugins]
        if predictors is None:
            from predictors import registry

            joined = [name for path in plugins for name in registry.register_file(path)]
            known = {entry.name for entry in study.predictors}
            changes["predictors"] = [entry.model_dump() for entry in study.predictors]
            changes["predictors"] += [{"name": name} for name in joined if name not in known]
    study = study.with_changes(changes) if changes else study
    return study.with_changes({"predictors": _ready(study)}) if every else study


def _ready(study: Study) -> list[str]:
    """Return every predictor, plug-ins included, that can run on a table of the study."""
    from pipeline.tables import load_tables
    from predictors import registry

    for plugin in study.plugins:
        registry.register_file(plugin)
    tables = load_tables(study.tasks, study.benchmarks).values()
    return [
        info.name
        for info in registry.all_infos()
        if any(registry.availability(info, table)[0] for table in tables)
    ]


def _task_of(path: Path) -> str:
    from pipeline.tables import load_file

    return load_file(path).name


def words(text: str, option: str) -> list[str]:
    """Return the names in an option's text, which commas separate.

    Raises:
        InputError: There is none.
    """
    found = [word.strip() for word in text.split(",") if word.strip()]
    if not found:
        raise InputError(f"{option}: {text!r} names nothing")
    return found


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(word) for word in words(text, option)]
    except ValueError as error:
        raise InputError(f"{option}: {text!r} is not a list of whole numbers such as 5,20,100") from error
