"""Files that people write: YAML mappings, checked by a pydantic model, with errors that name the field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from tasks.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Return the content of a YAML file.

    Args:
        path: The file.
        what: What it should be ("study"), for messages.

    Raises:
        InputError: The file is missing, not YAML, or not a mapping.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such {what} file")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a YAML file: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: a {what} file is a mapping of fields, found {type(content).__name__}")
    return content


def validate(model: type[Model], data: Mapping[str, Any], source: str) -> Model:
    """Return the data as a model.

    Args:
        model: Its class.
        data: The fields.
        source: Begins every message, for example the name of the file.

    Raises:
        InputError: A line for each field that is wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = []
        for issue in error.errors():
            where = ".".join(str(part) for part in issue["loc"]) or model.__name__.lower()
            value = (
                "" if issue["type"] in {"missing", "extra_forbidden"} else f" (got {_short(issue['input'])})"
            )
            message = issue["msg"].removeprefix("Value error, ")
            if issue["type"] == "extra_forbidden":
                known = _model_at(model, issue["loc"][:-1]).model_fields
                message = f"unknown field; known are {', '.join(known)}"
            lines.append(f"{source}: {where}: {message}{value}")
        raise InputError("\n".join(lines)) from error


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """Return the model of what lies at a path of fields and positions within one."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return model


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of: those of ``list[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
