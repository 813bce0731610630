"""Keys, seeds and identities of training jobs."""

from dataclasses import dataclass, replace

from tasks.benchmarks.building.job import TrainingJob, build_identity
from tasks.benchmarks.building.sample import distinct_architectures
from tasks.benchmarks.training.recipe import Recipe
from tasks.spaces.nasbench201 import NasBench201

JOB = TrainingJob("id", "nasbench201", "digits", 0, (0,) * 6, "arch", "form", (0, 1, 2))


def test_a_run_has_the_same_seed_whatever_is_trained_with_it():
    assert replace(JOB, runs=(1, 2)).seeds == JOB.seeds[1:]
    assert replace(JOB, index=7).key == JOB.key
    others = [replace(JOB, runs=(0, 1)), replace(JOB, text="other"), replace(JOB, identity="other")]
    assert len({JOB.key, *(job.key for job in others)}) == 4
    seeds = [seed for job in (JOB, *others[1:]) for seed in job.seeds]
    assert len(set(seeds)) == len(seeds)


def test_every_field_of_a_recipe_counts():
    recipe = Recipe(space="nasbench201")
    changed = {
        "space": "nasbench101", "dataset": "other", "epochs": 3, "lr": 0.5, "schedule": "constant",
        "flip": True, "noise": 1.0, "channels": 8, "val_part": 7,
    }  # fmt: skip
    known = {build_identity(replace(recipe, **{name: value}), 0) for name, value in changed.items()}
    known |= {build_identity(recipe, 0), build_identity(recipe, 1)}
    assert len(known) == len(changed) + 2
    assert build_identity(replace(recipe, lr=1), 0) == build_identity(replace(recipe, lr=1.0), 0)


def test_a_field_that_is_added_later_leaves_the_identity():
    @dataclass(frozen=True)
    class Old:
        space: str = "s"
        dataset: str = "d"

    @dataclass(frozen=True)
    class New(Old):
        later: int = 0

    assert build_identity(New(), 0) == build_identity(Old(), 0)
    assert build_identity(New(later=1), 0) != build_identity(Old(), 0)


def test_a_data_set_may_move():
    here, there, other = (Recipe(space="s", dataset=name) for name in ("a/my.npz", "/b/my.npz", "a/o.npz"))
    assert build_identity(here, 0) == build_identity(there, 0) != build_identity(other, 0)


def test_architectures_are_distinct_and_a_longer_list_extends_a_shorter():
    space = NasBench201()
    few, many = distinct_architectures(space, 100, 3), distinct_architectures(space, 700, 3)
    assert many[:100] == few
    assert len({form for _, form in many}) == 700
    assert [space.canonical(arch) for arch, _ in few] == [form for _, form in few]
    assert distinct_architectures(space, 100, 4) != few
