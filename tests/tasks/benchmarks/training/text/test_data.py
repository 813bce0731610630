"""Texts and recipes of language models."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from tasks.benchmarks.training.text.corpora import CORPORA, sklearn_descriptions
from tasks.benchmarks.training.text.data import UNKNOWN, load_data
from tasks.benchmarks.training.text.recipe import TextRecipe
from tasks.errors import InputError

RECIPE = TextRecipe(space="nasbench_nlp", val_tokens=100, test_tokens=100)


def test_the_names_of_characters_are_the_same_everywhere():
    recipe = TextRecipe(space="nasbench_nlp")
    data = load_data(recipe)
    assert data.text_sha256 == "75e63653d6421a7251216714395dde5b33f996a6bd6e2f5fb4fec17c0cac0fa4"
    assert data.train.dtype == np.int64
    assert data.train.max() < len(data.vocabulary)
    assert data.info.num_classes == 40 == len(data.vocabulary)
    assert data.info.name == "unicode-names"
    assert len(data.train) + len(data.val) + len(data.test) == 385_084
    text = "".join(data.vocabulary[token] for token in data.train[:40])
    assert text == "SPACE\nEXCLAMATION MARK\nQUOTATION MARK\nNU"


def test_descriptions_are_prose():
    text = sklearn_descriptions()
    assert len(text) > 30_000
    assert text.count(" the ") > 100
    assert set(CORPORA) == {"unicode-names", "sklearn-descriptions"}


def write(tmp_path, text):
    file = tmp_path / "own.txt"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_words_of_an_own_text(tmp_path):
    file = write(tmp_path, "One fish, two fish.\n" * 500)
    data = load_data(replace(RECIPE, dataset=file, tokens="words", vocabulary=6))
    assert data.info.name == "own"
    assert data.vocabulary[0] == "fish"
    assert set(data.vocabulary[1:]) < {"One", "two", ",", ".", "\n", UNKNOWN}
    assert data.vocabulary[-1] == UNKNOWN
    assert (data.train == 5).mean() == pytest.approx(1 / 7, abs=0.01)
    assert len(data.train) == 2800 * 1.0
    assert len(data.val) == len(data.test) == 350


def test_pieces_for_validation_lie_between_those_for_training(tmp_path):
    file = write(tmp_path, "".join(chr(ord("A") + piece) * 40 for piece in range(50)))
    data = load_data(replace(RECIPE, dataset=file, vocabulary=100))
    letters = "".join(data.vocabulary[token] for token in data.train)
    assert letters.startswith("A" * 40 + "B" * 40 + "C" * 40 + "E" * 40)
    # Letters that only validation and test have are unknown.
    assert {data.vocabulary[token] for token in [*data.val, *data.test]} == {UNKNOWN}
    assert len(data.val) == len(data.test) == 200


def test_another_text_than_the_recipe_says(tmp_path):
    file = write(tmp_path, "abc" * 1000)
    right = hashlib.sha256(b"abc" * 1000).hexdigest()
    assert load_data(replace(RECIPE, dataset=file, text_sha256=right)).text_sha256 == right
    with pytest.raises(InputError, match=f"has the sha256 {right}"):
        load_data(replace(RECIPE, dataset=file, text_sha256="0" * 64))


def test_texts_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match="validation text has 30 characters, the recipe needs at least 101"):
        load_data(replace(RECIPE, dataset=write(tmp_path, "abc" * 100)))
    with pytest.raises(InputError, match="allowed are unicode-names, sklearn-descriptions, or the path"):
        load_data(replace(RECIPE, dataset="no-such-text"))
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_data(replace(RECIPE, dataset=str(binary)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hiden": 3}, "unknown field 'hiden' of a recipe; did you mean 'hidden'"),
        ({"epochs": 0}, "epochs is 0, must be an integer from 1"),
        ({"lr": "fast"}, "lr is 'fast', must be a number"),
        ({"tied": True}, "tied is True, must be an integer"),
        ({"tokens": "bytes"}, "tokens is 'bytes', must be one of characters, words"),
        ({"dataset": ""}, "dataset is '', must be a non-empty text"),
        ({"text_sha256": "abc"}, "text_sha256 is 'abc', must be 64 hexadecimal digits"),
    ],
)
def test_wrong_fields(fields, message):
    with pytest.raises(InputError, match=r"^file\.yaml: ") as caught:
        TextRecipe.from_mapping({"space": "nasbench_nlp", **fields}, "file.yaml")
    assert message in str(caught.value)


def test_a_recipe_is_written_and_read():
    recipe = TextRecipe(space="nasbench_nlp", lr=1, hidden=7)
    assert TextRecipe.from_mapping(recipe.to_mapping(), "here") == recipe
    assert recipe.digest == TextRecipe(space="nasbench_nlp", lr=1.0, hidden=7).digest
    assert recipe.digest != replace(recipe, hidden=8).digest
    with pytest.raises(InputError, match="field 'space' is missing"):
        TextRecipe.from_mapping({}, "here")
