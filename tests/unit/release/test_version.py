import shutil
from pathlib import Path

import pytest

from release.version import ROOT, find_files, read_version, set_version


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for file in find_files(ROOT):
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    return tmp_path


def test_every_file_of_the_project_names_the_same_version() -> None:
    assert read_version(ROOT)


def test_a_new_version_is_written_into_every_file(project: Path) -> None:
    set_version(project, "12.34.56")

    assert read_version(project) == "12.34.56"


def test_a_version_changes_nothing_but_itself(project: Path) -> None:
    before = [file.read_bytes() for file in find_files(project)]
    old = read_version(project)

    set_version(project, "12.34.56")
    set_version(project, old)

    assert [file.read_bytes() for file in find_files(project)] == before


@pytest.mark.parametrize("text", ['version = "0.0.7"', ""])
def test_a_file_with_another_version_or_none_is_named(project: Path, text: str) -> None:
    (project / "services/api/pyproject.toml").write_text(text)

    with pytest.raises(ValueError, match=r"^services/api/pyproject\.toml names the version"):
        read_version(project)


@pytest.mark.parametrize("text", ["v1.2.3", "1.2", "1.2.3rc1", ""])
def test_a_version_has_three_numbers(project: Path, text: str) -> None:
    with pytest.raises(ValueError, match="not a valid version"):
        set_version(project, text)
