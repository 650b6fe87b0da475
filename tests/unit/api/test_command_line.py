"""`python -m inference_api` without a command and with one."""

import argparse
import subprocess
import sys

import pytest

from inference_api import __main__ as command_line


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The calls that took the place of the server and of the dead letters."""
    called: list[object] = []

    def run_dead_command(arguments: argparse.Namespace) -> int:
        called.append(arguments.verb)
        called.extend([] if arguments.model is None else [arguments.model])
        return 69

    monkeypatch.setattr(command_line, "run_api", lambda: called.append("serve"))
    monkeypatch.setattr(command_line, "run_dead_command", run_dead_command)
    return called


def test_without_a_command_it_serves(called: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["inference_api"])

    command_line.main()

    assert called == ["serve"]


def test_the_command_dead_ends_with_its_own_status_and_serves_nothing(
    called: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["inference_api", "dead", "list"])

    with pytest.raises(SystemExit) as ended:
        command_line.main()

    assert (called, ended.value.code) == (["list"], 69)


@pytest.mark.parametrize(
    "verb", [["list"], ["show", "A" * 24], ["replay", "--all"], ["purge"]], ids=lambda verb: verb[0]
)
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_the_model_of_dead_letters_stands_before_or_after_the_verb(
    called: list[object], monkeypatch: pytest.MonkeyPatch, verb: list[str], is_before: bool
) -> None:
    named = ["--model", "words", *verb] if is_before else [*verb, "--model", "words"]
    monkeypatch.setattr(sys, "argv", ["inference_api", "dead", *named])

    with pytest.raises(SystemExit):
        command_line.main()

    assert called == [verb[0], "words"]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["serve"], id="unknown"),
        pytest.param(["dead"], id="dead-without-what"),
        pytest.param(["dead", "replay"], id="replay-without-an-id"),
        pytest.param(["dead", "replay", "A" * 24, "--all"], id="replay-of-one-and-of-all"),
    ],
)
def test_a_wrong_command_line_ends_with_the_usage_and_runs_nothing(
    arguments: list[str], called: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["inference_api", *arguments])

    with pytest.raises(SystemExit) as ended:
        command_line.main()

    assert (called, ended.value.code) == ([], 2)
    assert "usage: python -m inference_api" in capsys.readouterr().err


def test_the_command_dead_runs_where_there_is_no_torch_and_no_worker() -> None:
    """The image of the API has neither; here nothing listens where RabbitMQ would."""
    program = (
        "import os, runpy, sys\n"
        "sys.modules.update(torch=None, inference_worker=None)\n"
        "os.environ.update(INFERENCE_AMQP_URL='amqp://127.0.0.1:1', INFERENCE_MODELS='mnist_model.spec:SPEC')\n"
        "sys.argv = ['inference_api', 'dead', 'list']\n"
        "runpy.run_module('inference_api', run_name='__main__')"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr.count("\n")) == (69, 1), done.stderr
