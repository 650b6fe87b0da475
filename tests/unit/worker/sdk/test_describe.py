"""`python -m inference_worker describe`: the spec file of a class."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference_bridge.ending import EXIT_CONFIGURATION
from inference_bridge.spec import from_json
from inference_worker.sdk.commands import run_command
from inference_worker.sdk.new import make_folder


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The only module in the current folder; its name is new, because Python imports a name once."""
    name = f"module{abs(hash(request.node.name))}"[:30]
    make_folder(name, "json", tmp_path)
    monkeypatch.chdir(tmp_path / name)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


def append(line: str, module: str) -> None:
    with Path(f"{module}.py").open("a") as file:
        file.write(f"\n{line}\n")


def test_the_command_finds_a_module_in_the_current_folder(module: str) -> None:
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}  # as in the image
    command = [sys.executable, "-m", "inference_worker", "describe", module]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert from_json(done.stdout).name == module


def test_the_class_may_be_named(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["describe", f"{module}:{module.capitalize()}Model"]) == 0

    assert from_json(capsys.readouterr().out).message_type == f"{module}.v1"


def test_the_spec_is_written_into_a_file(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["describe", module, "--output", "spec.json"]) == 0

    assert from_json(Path("spec.json").read_text()).name == module
    assert capsys.readouterr().out == ""


def test_a_module_that_prints_does_not_spoil_the_spec(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    append("print('loaded')", module)

    run_command(["describe", module])

    written = capsys.readouterr()
    assert (from_json(written.out).name, written.err) == (module, "loaded\n")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            'ModelSpec(name="Letters", version=1, takes=Json(Size), answers=Probabilities(3))',
            "the ModelSpec is not valid: 'Letters' is not a valid name of a model: take up to 30",
        ),
        ("Json(Size, 0)", "the Json is not valid: max_bytes: Input should be greater than or equal to 1"),
        ("Probabilities(count=0)", "the Probabilities is not valid: count: "),
        ("Probabilities(0)", "the Probabilities is not valid: count: "),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero (module"),
        ("import no_such_package", "name its package in requirements.txt (No module named 'no_such_package')"),
        ("class Second:\n    spec = ModelSpec('a', 1, takes=Json(Size), answers=Probabilities(3))", "name one of them"),
        ("LABELS = 1\nfor name in [*globals()]:\n    del globals()[name]", "has no class with a spec"),
    ],
)
def test_a_wrong_class_is_refused_with_a_sentence(
    line: str, complaint: str, module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    append(line, module)

    assert run_command(["describe", module]) == EXIT_CONFIGURATION

    written = capsys.readouterr()
    assert written.out == ""
    assert complaint in written.err.splitlines()[-1]
