"""The build file: how the networks of a space are trained, how many, how often."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.settings_file import read_mapping, validate
from tasks.benchmarks.building.engine import engine_of
from tasks.benchmarks.building.job import build_identity
from tasks.errors import InputError
from tasks.plugins import read_source, run_source
from tasks.spaces.registry import get_space

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Build(BaseModel):
    """A build. Everything that changes a number is here; where it runs is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=NAME)]
    recipe: dict[str, Any]
    """Fields of the recipe, all of them; in a file they stand beside the other fields."""
    archs: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    """Architectures, distinct by canonical form; a larger number extends a smaller one."""
    runs: Annotated[int, Field(ge=1, le=1000)] = 2
    """Training runs per architecture; a larger number extends a smaller one, too."""
    seed: Annotated[int, Field(ge=0)] = 0
    task_timeout_s: Annotated[float, Field(gt=0)] = 7200.0
    """Time limit of all runs of one architecture together."""
    licence: Annotated[str, Field(min_length=1)] = "not stated"
    """Licence of the finished table, for its metadata."""
    plugins: list[str] = []
    """Python files that define the space, or how its networks are trained."""

    @property
    def space(self) -> str:
        """Name of the search space."""
        return str(self.recipe["space"])

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """(file name, text) of the plug-ins, for workers."""
        return tuple((Path(file).name, read_source(file)) for file in self.plugins)

    def make_recipe(self) -> Any:  # noqa: ANN401 - each engine has its own class
        """Return the recipe as the space's engine knows it."""
        return engine_of(self.space).make_recipe(self.recipe, f"build {self.name}")

    @property
    def identity(self) -> str:
        """Digest of what determines the numbers of a run, but for architecture and run number."""
        return build_identity(self.make_recipe(), self.seed)


_OWN = tuple(field for field in Build.model_fields if field != "recipe")


def load_build(path: str | Path, changes: Mapping[str, Any] | None = None) -> Build:
    """Read a build file.

    It is a flat mapping: the fields of a ``Build`` and those of the recipe side by side. Paths of
    ``plugins`` and of a ``dataset`` that begins with "./" or "../" are relative to the file.

    Args:
        path: The file.
        changes: Fields that replace those of the file.

    Raises:
        InputError: The file is missing, not YAML, or not a build; names the field that is wrong.
    """
    file = Path(path)
    content = read_mapping(file, "build")
    content.setdefault("name", file.stem)
    dataset, plugins = content.get("dataset"), content.get("plugins")
    if isinstance(dataset, str) and dataset.startswith(("./", "../")):
        content["dataset"] = str((file.parent / dataset).resolve())
    if isinstance(plugins, list):
        content["plugins"] = [str((file.parent / str(item)).resolve()) for item in plugins]
    return make_build({**content, **(changes or {})}, str(file))


def make_build(content: Mapping[str, Any], where: str) -> Build:
    """Return the build of a flat mapping, checked; runs its plug-ins first.

    Raises:
        InputError: A field is unknown or wrong.
    """
    own = {name: value for name, value in content.items() if name in _OWN}
    recipe = {name: value for name, value in content.items() if name not in _OWN}
    own.setdefault("name", "unnamed")
    build = validate(Build, {**own, "recipe": recipe}, where)
    for file, source in build.sources:
        run_source(file, source)
    if not isinstance(recipe.get("space"), str):
        raise InputError(f"{where}: space is {recipe.get('space')!r}, must be the name of a search space")
    get_space(build.space)
    full = engine_of(build.space).make_recipe(recipe, where)
    named = {} if "name" in content else {"name": _default_name(build.space, full.dataset)}
    return validate(Build, {**own, **named, "recipe": full.to_mapping()}, where)


def _default_name(space: str, dataset: str) -> str:
    """Return a name made of space and data set; of a path, its last part."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(dataset).stem).strip("._-")
    return f"{space}-{stem or 'data'}"[:80]
