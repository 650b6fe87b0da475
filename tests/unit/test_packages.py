"""Each folder with code is in the wheel that its project builds; an editable installation does not need that."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(ROOT.glob("services/*/pyproject.toml")) + sorted(ROOT.glob("models/*/pyproject.toml"))


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.parent.name)
def test_a_project_names_each_of_its_packages(project: Path) -> None:
    named = tomllib.loads(project.read_text())["tool"]["setuptools"]["packages"]
    folders = {file.parent.relative_to(project.parent) for file in project.parent.glob("*/**/__init__.py")}

    found = {".".join(folder.parts) for folder in folders if "build" not in folder.parts}
    assert found == set(named)
