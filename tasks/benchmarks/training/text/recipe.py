"""Everything that determines the numbers of a language model's training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tasks.benchmarks.training.recipe_base import RecipeBase
from tasks.errors import InputError

# Numbers by field: type, smallest and largest value.
_LIMITS: Mapping[str, tuple[type, float, float]] = {
    "vocabulary": (int, 2, 1_000_000),
    "epochs": (int, 1, 10_000),
    "steps_per_epoch": (int, 1, 1_000_000),
    "batch_size": (int, 1, 65_536),
    "bptt": (int, 1, 10_000),
    "lr": (float, 1e-8, 100.0),
    "weight_decay": (float, 0.0, 10.0),
    "clip_norm": (float, 0.0, 1e9),
    "embedding": (int, 1, 65_536),
    "hidden": (int, 1, 65_536),
    "layers": (int, 1, 100),
    "tied": (int, 0, 1),
    "val_tokens": (int, 1, 1_000_000_000),
    "test_tokens": (int, 1, 1_000_000_000),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "tokens": ("characters", "words"),
    "schedule": ("cosine", "constant"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRecipe(RecipeBase):
    """How the language models of a space are trained: text, optimiser, sizes. Adam, and no dropout.

    Attributes:
        space: Search space.
        dataset: ``unicode-names``, ``sklearn-descriptions`` (see ``corpora``), or the path of a
            text file in UTF-8.
        text_sha256: Digest of the text in hexadecimal; any text if it is empty. With a digest, a
            table can only be extended where the text is the same.
        tokens: ``characters``, or ``words`` with punctuation marks and line ends as words.
        vocabulary: Tokens at most; those that are rarer in the training text become one.
        epochs: Points of a learning curve.
        steps_per_epoch: Mini-batches per epoch.
        batch_size: Places of the text per mini-batch and run.
        bptt: Tokens that follow each other in a mini-batch; errors go back through as many steps,
            hidden states are carried on through the whole epoch.
        lr: Learning rate of Adam at the start.
        schedule: ``cosine`` (to zero at the last step) or ``constant``.
        weight_decay: Decoupled from the gradient (AdamW).
        clip_norm: Largest L2 norm of a run's gradient; 0 for no limit.
        embedding: ``embedding`` of ``space.build``; this and the next three are its sizes.
        hidden: ``hidden``.
        layers: ``layers``.
        tied: ``tied``.
        val_tokens: Tokens of the validation text that are predicted after each epoch.
        test_tokens: Tokens of the test text, after the last epoch.
    """

    space: str
    dataset: str = "unicode-names"
    text_sha256: str = ""
    tokens: str = "characters"
    vocabulary: int = 64
    epochs: int = 20
    steps_per_epoch: int = 25
    batch_size: int = 32
    bptt: int = 24
    lr: float = 0.003
    schedule: str = "cosine"
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    embedding: int = 32
    hidden: int = 32
    layers: int = 1
    tied: int = 1
    val_tokens: int = 16_384
    test_tokens: int = 16_384

    limits: ClassVar = _LIMITS
    choices: ClassVar = _CHOICES

    def _check(self) -> None:
        if not isinstance(self.text_sha256, str) or not re.fullmatch("([0-9a-f]{64})?", self.text_sha256):
            raise InputError(f"text_sha256 is {self.text_sha256!r}, must be 64 hexadecimal digits or empty")

    @property
    def sizes(self) -> dict[str, int]:
        """What ``space.build`` and ``space.count`` are told."""
        return {name: getattr(self, name) for name in ("embedding", "hidden", "layers", "tied")}
