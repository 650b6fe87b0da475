"""`new` makes a folder that works at once."""

import subprocess
import sys
from pathlib import Path

import pytest

from inference_bridge.errors import ConfigurationError
from inference_worker.sdk.new import KINDS, make_folder
from tests.support.deployment import ROOT, VERSION


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=100)


def test_the_folder_of_each_kind_passes_its_own_test(tmp_path: Path) -> None:
    for kind in KINDS:
        make_folder(f"two-{kind}", kind, tmp_path)

    done = run("pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)

    assert done.returncode == 0, done.stdout
    assert f"{2 * len(KINDS)} passed" in done.stdout


def test_the_folder_of_each_kind_is_formatted_as_the_code_of_this_repository(tmp_path: Path) -> None:
    for kind in KINDS:
        make_folder(f"two-{kind}", kind, tmp_path)
    settings = f"--config={ROOT / 'pyproject.toml'}"

    assert run("ruff", "format", "--check", settings, ".", folder=tmp_path).stdout.endswith("already formatted\n")
    assert (
        run("ruff", "check", "--ignore=S101,D1,I001", settings, ".", folder=tmp_path).stdout == "All checks passed!\n"
    )


def test_the_file_of_a_name_with_hyphens_has_underscores(tmp_path: Path) -> None:
    said = make_folder("two-words", "text", tmp_path)

    assert "Its file is two_words.py" in said
    assert {file.name for file in (tmp_path / "two-words").iterdir()} == {
        "two_words.py",
        "test_two_words.py",
        "requirements.txt",
        "Dockerfile",
        "README.md",
    }


@pytest.mark.parametrize("name", ["Letters", "letters-", "1st", "a" * 31, "../letters", ""])
def test_a_name_that_a_spec_refuses_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a valid name of a model: take up to 30"):
        make_folder(name, "text", tmp_path)


@pytest.mark.parametrize("name", ["lambda", "json", "torch"])
def test_a_name_that_means_something_else_in_python_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="means something else in Python already"):
        make_folder(name, "text", tmp_path)


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    make_folder("letters", "text", tmp_path)

    with pytest.raises(ConfigurationError, match="is there already"):
        make_folder("letters", "json", tmp_path)
    assert "Text(" in (tmp_path / "letters/letters.py").read_text()


def test_the_dockerfile_has_four_lines_that_do_something(tmp_path: Path) -> None:
    make_folder("two-words", "text", tmp_path)

    lines = (tmp_path / "two-words/Dockerfile").read_text().splitlines()
    assert lines[0].startswith("# docker build --tag localhost/two-words:v1 ")
    assert [line for line in lines if not line.startswith("#")] == [
        f"FROM localhost/mnist-inference/worker-sdk:{VERSION}",
        "COPY . /app/",
        "RUN pip install --requirement /app/requirements.txt",
        "ENV INFERENCE_MODEL=two_words",
    ]
