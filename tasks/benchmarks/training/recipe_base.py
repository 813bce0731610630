"""What the recipes of image and language models share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, ClassVar, Self, cast

from tasks.errors import InputError, did_you_mean
from tasks.seeds import digest


class RecipeBase:
    """Reading, checking and identity of a frozen dataclass with a default per field, but for ``space``.

    Attributes:
        limits: Of each field that is a number: type, smallest and largest value.
        choices: Of each field that is a text of a few: which.
    """

    __slots__ = ()

    limits: ClassVar[Mapping[str, tuple[type, float, float]]]
    choices: ClassVar[Mapping[str, tuple[str, ...]]]

    epochs: int
    steps_per_epoch: int

    def __post_init__(self) -> None:
        for name in ("space", "dataset"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise InputError(f"{name} is {value!r}, must be a non-empty text")
        for name, allowed in self.choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"{name} is {getattr(self, name)!r}, must be one of {', '.join(allowed)}")
        for name, (kind, low, high) in self.limits.items():
            value = getattr(self, name)
            right = not isinstance(value, bool) and isinstance(value, int if kind is int else int | float)
            if not right or not low <= value <= high:
                article = "an integer" if kind is int else "a number"
                raise InputError(f"{name} is {value!r}, must be {article} from {low:g} to {high:g}")
            if kind is float:
                # 1 and 1.0 are the same recipe, so they must have the same digest.
                object.__setattr__(self, name, float(value))
        self._check()

    def _check(self) -> None:
        """Raise InputError for what limits and choices do not say."""

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], where: str) -> Self:
        """Read the fields of a build file.

        Args:
            mapping: Field names and values; those left out keep their defaults.
            where: Begins every error message, for example the name of the file.

        Raises:
            InputError: An unknown or missing field, or a value of the wrong type or range.
        """
        names = [field.name for field in fields(cast("Any", cls))]
        for name in mapping:
            if name not in names:
                raise InputError(
                    f"{where}: unknown field {name!r} of a recipe; {did_you_mean(str(name), names)}"
                )
        if "space" not in mapping:
            raise InputError(f"{where}: the recipe's field 'space' is missing")
        try:
            return cls(**mapping)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error

    def to_mapping(self) -> dict[str, Any]:
        """Return all fields, ready for JSON or YAML."""
        return asdict(cast("Any", self))

    @property
    def digest(self) -> str:
        """Sha256 (hex) of the canonical JSON of all fields."""
        return digest(self.to_mapping())

    @property
    def total_steps(self) -> int:
        """Mini-batches of a run."""
        return self.epochs * self.steps_per_epoch
