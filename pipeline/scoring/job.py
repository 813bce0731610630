"""The unit of work of a scoring: one architecture, scored by one predictor."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from tasks.seeds import digest
from tasks.spaces.base import Arch, DatasetInfo


@dataclass(frozen=True, slots=True)
class Scorer:
    """A predictor on one data set; all that its scores follow from, but for the architecture.

    Attributes:
        predictor: Registered name.
        params: Hyperparameters that differ from the defaults, as canonical JSON.
        version: The predictor's version.
        space: Search space name.
        dataset: What the networks are built for.
        replicate: Number of the replicate, from 0.
        seed: Of the predictor's own randomness; 0 if that is without effect.
        images: Digest of the images that it uses; empty if it uses none.
    """

    predictor: str
    params: str
    version: int
    space: str
    dataset: DatasetInfo
    replicate: int
    seed: int
    images: str = ""

    @property
    def task_name(self) -> str:
        """``space/dataset``."""
        return f"{self.space}/{self.dataset.name}"

    @property
    def queue(self) -> tuple[str, ...]:
        """What jobs of one batch must share."""
        return (self.predictor, self.params, self.space, self.dataset.name, str(self.replicate))


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """One architecture for one scorer. Equal content gives an equal key, on every machine.

    Attributes:
        scorer: The predictor.
        arch: The architecture.
        text: The same in official notation.
    """

    scorer: Scorer
    arch: Arch
    text: str

    @property
    def key(self) -> str:
        """sha256 (hex) of the canonical JSON of the content."""
        scorer = self.scorer
        images = [scorer.images] if scorer.images else []
        return digest(
            "architecture score", scorer.predictor, scorer.params, scorer.version, scorer.space,
            list(astuple(scorer.dataset)), scorer.seed, self.text, *images,
        )  # fmt: skip

    @property
    def predictor(self) -> str:
        """Registered name."""
        return self.scorer.predictor

    @property
    def queue(self) -> tuple[str, ...]:
        """What jobs of one batch must share."""
        return self.scorer.queue

    @property
    def extent(self) -> tuple[int, int]:
        """The same for all: they run in their order, in which neighbours share work."""
        return (0, 0)

    @property
    def task_name(self) -> str:
        """``space/dataset``."""
        return self.scorer.task_name
