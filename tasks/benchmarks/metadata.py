"""The file metadata of a benchmark table: JSON under the key ``naspred`` of the Parquet schema."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.benchmarks.datasets import DATASETS
from tasks.benchmarks.schema import SCHEMA_VERSION
from tasks.errors import InputError, did_you_mean
from tasks.spaces.base import DatasetInfo

METADATA_KEY = b"naspred"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class TableMetadata:
    """What a file says of itself; everything may be unknown in a user's own file.

    Attributes:
        space: Name of the search space.
        dataset: Name of the data set.
        num_classes: Number of classes, at least 1.
        resolution: Height = width of the images in pixels, at least 1.
        channels: Image channels, at least 1.
        epochs: Length of the full training, at least 1.
        source: Where the numbers come from.
        licence: Licence of the source.
        operations: Vocabulary of a space of DAG cells whose ``arch`` column is JSON.
        vertices: Largest number of vertices of that space.
        fingerprint: Digest of the content.
        build: How the table was made by training, as a JSON object: recipe, runs, noise ceiling.
        schema_version: Version of the schema that the file was written in.
    """

    space: str | None = None
    dataset: str | None = None
    num_classes: int | None = None
    resolution: int | None = None
    channels: int | None = None
    epochs: int | None = None
    source: str | None = None
    licence: str | None = None
    operations: tuple[str, ...] | None = None
    vertices: int | None = None
    fingerprint: str | None = None
    build: Mapping[str, Any] | None = None
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def from_mapping(cls, content: Mapping[str, object], file: str) -> TableMetadata:
        """Check the entries.

        Args:
            content: Field name to value.
            file: Named in errors.

        Raises:
            InputError: An unknown field, a wrong type or range, or a newer schema version.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        version = content.get("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise InputError(
                f"{file}: metadata schema_version is {version}, "
                f"this version of naspred reads up to {SCHEMA_VERSION}"
            )
        values: dict[str, object] = {}
        for name, value in content.items():
            if name not in names:
                raise InputError(f"{file}: unknown metadata {name!r}; {did_you_mean(name, names)}")
            if value is not None:
                _check(name, value, file)
                values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)  # type: ignore[arg-type]  # the types were checked above

    @classmethod
    def from_schema(cls, raw: Mapping[bytes, bytes] | None, file: str) -> TableMetadata:
        """Read the metadata of a Parquet schema; all unknown if the file has none.

        Raises:
            InputError: Not a JSON object, or a wrong entry.
        """
        text = (raw or {}).get(METADATA_KEY)
        if text is None:
            return cls()
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}: metadata under the key 'naspred' is not JSON ({error})") from error
        if not isinstance(content, dict):
            raise InputError(
                f"{file}: metadata under the key 'naspred' must be a JSON object, got {content!r}"
            )
        return cls.from_mapping(content, file)

    def to_schema(self) -> dict[bytes, bytes]:
        """Return the metadata as it is written into a Parquet schema."""
        content = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return {METADATA_KEY: json.dumps(content, sort_keys=True).encode()}

    def dataset_info(self, name: str) -> DatasetInfo:
        """Return the facts of the data set, what is not stated taken from the well-known ones."""
        known = DATASETS.get(name, DatasetInfo(name))
        return DatasetInfo(
            name,
            num_classes=known.num_classes if self.num_classes is None else self.num_classes,
            resolution=known.resolution if self.resolution is None else self.resolution,
            channels=known.channels if self.channels is None else self.channels,
        )


def check_name(name: str, where: str) -> str:
    """Return ``name`` if it may be part of ``space/dataset`` and of folder names.

    Raises:
        InputError: It may not.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{where} is {name!r}; allowed: letters, digits, '.', '_' and '-', not beginning with a sign"
        )
    return name


def _check(name: str, value: object, file: str) -> None:
    where = f"{file}: metadata {name!r}"
    if name == "operations":
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise InputError(f"{where} is {value!r}, must be a list of strings")
    elif name == "build":
        if not isinstance(value, Mapping):
            raise InputError(f"{where} is {value!r}, must be an object")
    elif name in ("space", "dataset", "source", "licence", "fingerprint"):
        if not isinstance(value, str):
            raise InputError(f"{where} is {value!r}, must be a string")
        if name in ("space", "dataset"):
            check_name(value, where)
    elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{where} is {value!r}, must be an integer of at least 1")
