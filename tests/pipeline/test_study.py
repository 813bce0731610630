import pytest

from pipeline.study import Study, fidelity_grid, load_study, quickstart, train_size_grid
from predictors.groups import PAPER31
from tasks.errors import InputError


def write(tmp_path, text):
    file = tmp_path / "s.yaml"
    file.write_text(text)
    return file


GOOD = "tasks: [nasbench201/cifar10]\npredictors: [rf]\n"


def test_quickstart_is_a_valid_study_of_the_size_the_readme_promises():
    study = quickstart()
    assert len(study.tasks) == 3
    assert len(study.predictors) >= 8
    assert len(study.train_sizes) >= 6
    assert study.trials >= 5


def test_published_training_grids():
    assert train_size_grid("nasbench201") == [5, 8, 14, 24, 42, 71, 121, 205, 347, 589, 1000]
    assert train_size_grid("darts") == [5, 8, 12, 20, 31, 50, 79, 126, 199, 316, 500]


def test_published_fidelity_grid():
    assert fidelity_grid(200) == [1, 2, 3, 5, 7, 9, 13, 19, 26, 37, 52, 73, 102, 142, 199]


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_short_trainings_have_a_fidelity_grid(epochs):
    grid = fidelity_grid(epochs)
    assert grid[0] == 1
    assert grid[-1] == max(1, epochs - 1)


def test_a_group_stands_for_its_predictors(tmp_path):
    paper = ["predictors: paper31", "predictors: [paper31]", f"predictors: [{', '.join(PAPER31)}]"]
    for text in paper:
        study = load_study(write(tmp_path, f"tasks: [a/b]\n{text}\n"))
        assert [entry.name for entry in study.predictors] == list(PAPER31)
        assert not any(entry.params for entry in study.predictors)
    mixed = load_study(
        write(tmp_path, "tasks: [a/b]\npredictors: [omni_ngb, paper31, {name: rf, hpo: true}]\n")
    )
    assert [entry.name for entry in mixed.predictors] == ["omni_ngb", *PAPER31, "rf"]


def test_names_and_entries_of_predictors(tmp_path):
    study = load_study(
        write(tmp_path, "tasks: [a/b]\npredictors: [rf, {name: xgb, params: {max_depth: 3}}]\n")
    )
    assert [(entry.name, entry.params) for entry in study.predictors] == [
        ("rf", {}),
        ("xgb", {"max_depth": 3}),
    ]
    assert study.name == "s"


def test_round_trip_keeps_the_hash(tmp_path):
    study = load_study(write(tmp_path, GOOD))
    again = load_study(write(tmp_path, study.to_yaml()))
    assert again == study
    assert again.hash == study.hash
    assert study.with_changes({"trials": 3}).hash != study.hash


def test_relative_paths_are_relative_to_the_file(tmp_path):
    study = load_study(write(tmp_path, GOOD + "benchmarks: [tables/my.parquet]\n"))
    assert study.benchmarks == [str((tmp_path / "tables/my.parquet").resolve())]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ("mine.npz", "{}/mine.npz"),
        ("../mine", "{.parent}/mine"),
        ("/data/mine.npz", "/data/mine.npz"),
        ("noise", "noise"),
        ("digits", "digits"),
        ("auto", "auto"),
        ("torchvision:CIFAR10", "torchvision:CIFAR10"),
    ],
)
def test_paths_of_images_are_relative_to_the_file(tmp_path, images, expected):
    text = f"tasks: [a/b]\npredictors: [params, {{name: snip, params: {{images: '{images}', batch: 8}}}}]\n"
    study = load_study(write(tmp_path, text))
    assert study.predictors[0].params == {}
    assert study.predictors[1].params == {"images": expected.format(tmp_path.resolve()), "batch": 8}
    assert load_study(write(tmp_path, study.to_yaml())) == study


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("predictors: [rf]\n", "tasks: Field required"),
        ("tasks: [nasbench201]\npredictors: [rf]\n", "'nasbench201' is not of the form space/dataset"),
        (GOOD + "trials: 0\n", "trials: Input should be greater than or equal to 1 (got 0)"),
        (GOOD + "trails: 3\n", "trails: unknown field; known are name, tasks"),
        (
            "tasks: [a/b]\npredictors:\n  - {name: rf, hpo: {config: 3}}\n",
            "predictors.0.hpo.config: unknown field; known are configs, folds, max_time_s",
        ),
        (
            "tasks: [a/b]\npredictors:\n  - {name: rf, hp: 3}\n",
            "predictors.0.hp: unknown field; known are name, params, hpo",
        ),
        (GOOD + "sampling: random\n", "sampling: Input should be 'uniform' or 'mutation'"),
        (GOOD + "train_sizes: [5, 5]\n", "holds a value twice"),
        (GOOD + "train_sizes: []\n", "is empty"),
        ("tasks: [a/b]\npredictors: [rf, rf]\n", "the same predictor with the same params twice"),
        ("- 1\n", "a study file is a mapping of fields, found list"),
        ("a: [\n", "not a YAML file"),
    ],
)
def test_wrong_studies_name_file_field_and_value(tmp_path, text, expected):
    file = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_study(file)
    assert expected in str(caught.value)
    assert str(file) in str(caught.value)


def test_missing_file():
    with pytest.raises(InputError, match="no such study file"):
        load_study("nowhere.yaml")


def test_all_problems_are_reported_at_once(tmp_path):
    with pytest.raises(InputError) as caught:
        load_study(write(tmp_path, GOOD + "trials: 0\ntest_size: -1\n"))
    assert len(str(caught.value).splitlines()) == 2


def test_studies_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Study(name="x", tasks=["a/b"], predictors=["rf"]).trials = 3


@pytest.mark.parametrize(
    ("written", "configs"), [("25", 25), ("true", 25), ("{configs: 7, max_time_s: 60}", 7), ("false", None)]
)
def test_a_search_is_asked_for_per_predictor(tmp_path, written, configs):
    file = write(tmp_path, f"tasks: [a/b]\npredictors: [{{name: rf, hpo: {written}}}]\n")
    entry = load_study(file).predictors[0]
    assert (entry.hpo.configs if entry.hpo else None) == configs
