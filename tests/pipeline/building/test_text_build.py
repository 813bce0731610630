"""The build file of the language-model table."""

from tests_support import ROOT

from pipeline.building.build_file import load_build
from tasks.benchmarks.building.engine import engine_of
from tasks.benchmarks.training.text.recipe import TextRecipe


def test_the_example_is_a_build_of_the_text_that_python_ships():
    build = load_build(ROOT / "examples" / "benchmarks" / "nasbench_nlp-unicode-names.yaml")
    recipe = build.make_recipe()
    assert isinstance(recipe, TextRecipe)
    assert len(recipe.text_sha256) == 64
    # Raises if the text were not the one that the file says.
    data = engine_of(build.space).load_data(recipe)
    assert data.info.num_classes == len(data.vocabulary) == 40
    assert len(data.val) > recipe.val_tokens
