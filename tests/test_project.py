"""Rules that no linter checks: file sizes, reasons for dependencies, no traces of one machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.study import load_study

ROOT = Path(__file__).parents[1]
PACKAGES = ("tasks", "predictors", "pipeline")
PYPROJECT = (ROOT / "pyproject.toml").read_text()
README = (ROOT / "README.md").read_text()
MAX_LINES = 400


def tracked() -> list[Path]:
    """Return the files under version control, or all files of a checkout that has no git."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        hidden = re.compile(r"\.(git|venv|\w+_cache)|build|dist|.*\.egg-info|__pycache__")
        files = [
            path
            for path in ROOT.rglob("*")
            if not any(hidden.fullmatch(part) for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in files if path.is_file()]


def text_of(path: Path) -> str | None:
    """Return the text of a file, None for a binary one."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def code_block(page: str, language: str, containing: str) -> str:
    (block,) = [b for b in re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL) if containing in b]
    return block


@pytest.mark.parametrize("package", PACKAGES)
def test_files_are_small(package: str) -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in (ROOT / package).rglob("*.py")}
    assert sizes, package
    too_long = {str(path.relative_to(ROOT)): lines for path, lines in sizes.items() if lines > MAX_LINES}
    assert not too_long


def without_reason(table: str) -> list[str]:
    """Return the entries of a dependency list that have no comment beside them and stand below none."""
    found, explained = [], False
    for line in (raw.strip() for raw in table.splitlines()):
        if line.startswith("#"):
            explained = True
        elif "#" in line or not line.startswith('"'):
            explained = False
        elif not explained:
            found.append(line)
    return found


def dependency_lists() -> dict[str, str]:
    lists = dict(
        re.findall(r"^(dependencies|test) = \[\n(.*?)^\]", PYPROJECT, flags=re.DOTALL | re.MULTILINE)
    )
    assert set(lists) == {"dependencies", "test"}
    return lists


@pytest.mark.parametrize("name", ["dependencies", "test"])
def test_every_dependency_has_its_reason(name: str) -> None:
    table = dependency_lists()[name]
    project = tomllib.loads(PYPROJECT)["project"]
    declared = project["dependencies"] if name == "dependencies" else project["optional-dependencies"][name]
    assert len(re.findall(r'^\s*"', table, flags=re.MULTILINE)) == len(declared) > 10
    assert without_reason(table) == []


def test_a_dependency_without_reason_is_found() -> None:
    assert without_reason('"a>=1",  # why\n"b>=1",\n# both\n"c",\n"d",\n"e",  # why\n"f",\n') == [
        '"b>=1",',
        '"f",',
    ]


MACHINE_PATH = re.compile(
    r"(?<![\w.~$}/-])/(?:work|root|opt/wheels|Users|mnt|tmp/dev)/[\w.]|(?<![\w.~$}/-])/home/(?!ray/|ubuntu/)\w+/"
)


def test_no_file_names_a_path_of_one_machine() -> None:
    files = tracked()
    assert len(files) > 50
    found = []
    for path in files:
        lines = (text_of(path) or "").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line}"
            for n, line in enumerate(lines, 1)
            if MACHINE_PATH.search(line)
        ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("open('" + "/wor" + "k/main/x')", True),
        ("path: " + "/roo" + "t/.cache/x", True),
        ("cd " + "/hom" + "e/anna/naspred", True),
        ("/home/ray/.ray/auth_token", False),
        ("https://example.org/work/x", False),
        ("a relative folder/work/x", False),
    ],
)
def test_machine_paths_are_recognised(line: str, expected: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is expected


def test_readme_gives_the_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:30])
    start = "python3 -m venv .venv && . .venv/bin/activate && pip install -e "
    assert f"```bash\n{start}. && naspred run\n```" in first_screen
    assert f'```bash\n{start}".[test]" && pytest\n```' in first_screen
    assert "![" in first_screen, "the picture of a result belongs on the first screen"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    shown = subprocess.run(
        ["bash", ".ci/run", "--show-command"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == code_block(README, "bash", "&& pytest").strip()


def test_ci_says_so_if_the_readme_has_no_test_command(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text((ROOT / ".ci" / "run").read_text())
    (tmp_path / "README.md").write_text("# naspred\n")
    done = subprocess.run(
        ["bash", ".ci/run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 1
    assert "README.md has no test command" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_readme_study_is_a_study(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(code_block(README, "yaml", "predictors:"))
    study = load_study(file)
    assert study.name == "first"
    assert {entry.name for entry in study.predictors} == {"xgb", "gp", "rf"}


@pytest.mark.parametrize("page", sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    check_links(ROOT / page)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_front_pages_lead_somewhere(page: str) -> None:
    check_links(ROOT / page)


def check_links(page: Path) -> None:
    links = re.findall(r"\[[^\]]*\]\(([^)#\s]+)\)", page.read_text())
    local = [link for link in links if "://" not in link]
    missing = [link for link in local if not (page.parent / link).exists()]
    assert missing == []


def test_cluster_documents_agree() -> None:
    cluster: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    page = (ROOT / "docs" / "clusters.md").read_text()
    for name, node_type in cluster["available_node_types"].items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert node_type["node_config"]["InstanceType"] in row
        if node_type["max_workers"]:
            assert f"0 to {node_type['max_workers']}" in row
        for resource, amount in node_type["resources"].items():
            assert f"{resource} {amount}" in row
    profile = cluster["available_node_types"]["head"]["node_config"]["IamInstanceProfile"]["Name"]
    assert f"--instance-profile-name {profile} --role-name {profile}" in page
    assert json.loads((ROOT / "deploy" / "head-policy.json").read_text())["Version"] in page


def test_pre_commit_runs_offline() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = repos[0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["entry"].split()[0] for hook in hooks] == ["ruff", "ruff", "mypy", "lint-imports"]


def test_licence_is_the_declared_one() -> None:
    assert tomllib.loads(PYPROJECT)["project"]["license"] == "Apache-2.0"
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License\n" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
