"""Texts as token numbers."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.benchmarks.training.text.corpora import CORPORA
from tasks.errors import InputError
from tasks.spaces.base import DatasetInfo

if TYPE_CHECKING:
    from tasks.benchmarks.training.text.recipe import TextRecipe

Tokens = NDArray[np.int64]

UNKNOWN = "<unknown>"
"""Token that stands for all rare ones."""

PIECES = 50
"""A text is cut into so many pieces; of ten, one is for validation and one for the test."""

_VALIDATION, _TEST = 3, 7


@dataclass(frozen=True, slots=True, eq=False)
class TextData:
    """A text, in numbers of its vocabulary.

    Attributes:
        info: Name; the number of classes is that of the vocabulary.
        train: The training text, shape (n,).
        val: The validation text; its pieces lie between those of the training text.
        test: The test text.
        vocabulary: What each number stands for; the most frequent ones of the training text.
        text_sha256: Digest of the text.
    """

    info: DatasetInfo
    train: Tokens
    val: Tokens
    test: Tokens
    vocabulary: tuple[str, ...]
    text_sha256: str


def load_data(recipe: TextRecipe) -> TextData:
    """Load the text that a recipe names. The same recipe gives the same arrays.

    Raises:
        InputError: No such text, one of another digest than the recipe says, or one too short for
            the recipe.
    """
    name, text = _read(recipe.dataset)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if recipe.text_sha256 and recipe.text_sha256 != digest:
        raise InputError(
            f"data set {recipe.dataset!r}: the text on this machine has the sha256 {digest}, the recipe's "
            f"text_sha256 is {recipe.text_sha256}; results for different texts do not belong in one table"
        )
    pieces = np.array_split(np.array(_tokens(text, recipe.tokens), dtype=object), PIECES)
    parts: dict[int, list[NDArray[np.object_]]] = {0: [], _VALIDATION: [], _TEST: []}
    for number, piece in enumerate(pieces):
        parts[number % 10 if number % 10 in (_VALIDATION, _TEST) else 0].append(piece)
    train, val, test = (np.concatenate(part).tolist() for part in parts.values())
    vocabulary = _vocabulary(train, recipe.vocabulary)
    number_of = {token: number for number, token in enumerate(vocabulary)}
    unknown = number_of.get(UNKNOWN, 0)
    train, val, test = (
        np.array([number_of.get(token, unknown) for token in part], dtype=np.int64)
        for part in (train, val, test)
    )
    for part, tokens, needed in (
        ("training", train, recipe.bptt + 1),
        ("validation", val, recipe.val_tokens + 1),
        ("test", test, recipe.test_tokens + 1),
    ):
        if len(tokens) < needed:
            raise InputError(
                f"data set {recipe.dataset!r}: its {part} text has {len(tokens)} {recipe.tokens}, the recipe "
                f"needs at least {needed}; take a longer text, or lower val_tokens, test_tokens or bptt"
            )
    info = DatasetInfo(name, num_classes=len(vocabulary))
    return TextData(info, train, val, test, vocabulary, digest)


def _read(dataset: str) -> tuple[str, str]:
    if dataset in CORPORA:
        return dataset, CORPORA[dataset]()
    path = Path(dataset).expanduser()
    try:
        return path.stem, path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"data set {dataset!r}: is not UTF-8 text ({error})") from error
    except OSError as error:
        raise InputError(
            f"data set {dataset!r}: allowed are {', '.join(CORPORA)}, or the path of a text file "
            f"({error.strerror or error})"
        ) from error


def _tokens(text: str, kind: str) -> list[str]:
    return list(text) if kind == "characters" else re.findall(r"\w+|[^\w\s]|\n", text)


def _vocabulary(tokens: Sequence[str], size: int) -> tuple[str, ...]:
    """Return the most frequent tokens, and one for the others if there are any."""
    counts = Counter(tokens)
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return (*ranked[: size - 1], UNKNOWN) if len(ranked) > size - 1 else (*ranked, UNKNOWN)
