"""`--help` and a wrong argument end a command; neither starts a service."""

import subprocess
import sys

import pytest

MODULES = ("inference_api", "inference_api.hooks", "inference_api.clients", "inference_embedded", "inference_worker")


def run(module: str, argument: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([sys.executable, "-m", module, argument], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("module", MODULES)
def test_help_is_printed_and_nothing_starts(module: str) -> None:
    done = run(module, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


@pytest.mark.parametrize("module", MODULES)
def test_an_unknown_argument_is_refused(module: str) -> None:
    done = run(module, "--unknown")

    assert done.returncode == 2
    assert "error: " in done.stderr
