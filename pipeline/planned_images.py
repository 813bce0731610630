"""The images of a study's tasks: whether they can be used, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from predictors import registry
from predictors.base import PredictorInfo
from predictors.zero_cost.images import forget_images, read_images, split_digest
from tasks.benchmarks.table import BenchmarkTable
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What planning knows of images.

    Attributes:
        digest: Of their content; empty if they cannot be used.
        reason: Why they cannot be used; empty if they can.
        limit: The largest mini-batch that can be drawn; None where it may be larger than the data set.
    """

    digest: str = ""
    reason: str = ""
    limit: int | None = None


@dataclass(slots=True)
class PlannedImages:
    """Reads the images of each source and data set once, and keeps their facts only.

    Tasks carry the digest of the content: what stands at a path, or below the folder that an environment
    variable names, may change from one run to the next.
    """

    _read: dict[tuple[str, DatasetInfo, int | None], ImageFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Tasks that run in this process are to see the content that they are planned with.
        forget_images()

    def facts(self, info: PredictorInfo, table: BenchmarkTable, params: Mapping[str, Any]) -> ImageFacts:
        """Return the facts of the images that a predictor uses on a table.

        Args:
            info: A predictor that needs images.
            table: The table.
            params: Its hyperparameters that differ from the defaults.
        """
        source = registry.image_source(info, table, params)
        # Scores of a supernet depend on validation images, too.
        val_size = _setting(info, params, "val_images", 4000) if "supernet" in info.needs else None
        key = (source, table.dataset, val_size)
        if key not in self._read:
            self._read[key] = _facts(*key)
        found = self._read[key]
        batch = _setting(info, params, "batch", 0)
        if found.limit is not None and batch > found.limit:
            return ImageFacts(
                reason=f"batch is {batch}, but there are only {found.limit} training images in {source!r}"
            )
        return found


def _facts(source: str, dataset: DatasetInfo, val_size: int | None) -> ImageFacts:
    try:
        if val_size is not None:
            # A supernet's training passes through its images as often as it takes to fill a mini-batch.
            return ImageFacts(split_digest(source, dataset, val_size))
        pool = read_images(source, dataset)
        return ImageFacts(pool.digest, limit=len(pool.labels))
    except InputError as error:
        return ImageFacts(reason=f"needs images: {error}")


def _setting(info: PredictorInfo, params: Mapping[str, Any], name: str, usual: int) -> int:
    declared = registry.get_parameters(info.name).get(name)
    return int(params.get(name, usual if declared is None else declared.default))
