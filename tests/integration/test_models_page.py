"""`docs/models.md`, "Your model in 15 minutes": its commands, as they stand, up to the cluster."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from inference_bridge.kinds import Answers, Takes
from tests.support.deployment import ROOT
from tests.support.servers import Process, free_port

PAGE = (ROOT / "docs/models.md").read_text()
#: The blocks of commands before the part that needs a cluster.
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.partition("### 4.")[0], re.DOTALL)
PORT = "8000"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose `.venv-run` is there already; its Python is that of the tests."""
    for name in ("Makefile", "constraints.txt", "services", "samples"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "models").mkdir()
    python = tmp_path / ".venv-run/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv-run/installed").touch()
    return tmp_path


@pytest.fixture
def environment() -> dict[str, str]:
    """The variables of the commands: the service listens on a free port, which replaces 8000 in the commands."""
    ports = {"INFERENCE_PORT": str(free_port()), "INFERENCE_OPERATIONS_PORT": "0"}
    # A make of our own: the variables of the make that runs these tests are not for it.
    of_make = {"ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}
    outside = {name: value for name, value in os.environ.items() if name not in of_make}
    return {**outside, **ports, "PYTHONDONTWRITEBYTECODE": "1"}


def run(block: str, checkout: Path, environment: dict[str, str]) -> str:
    command = ["bash", "-euc", block.replace(PORT, environment["INFERENCE_PORT"])]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, f"{block}{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture
def service(checkout: Path, environment: dict[str, str]) -> Iterator[str]:
    """The new model, made and served by the commands; yields what the check said."""
    made, serve, _ = BLOCKS
    said = run(made, checkout, environment)
    process = Process(["bash", "-euc", f"cd {checkout}\n{serve}"], checkout / "log", environment).start()
    try:
        process.wait_for_port(int(environment["INFERENCE_PORT"]))
        yield said
    finally:
        process.stop()


@pytest.mark.timeout(240)
def test_the_commands_lead_from_nothing_to_an_answer_of_the_new_model(
    service: str, checkout: Path, environment: dict[str, str]
) -> None:
    said = service.splitlines()
    assert "The model does what its spec says." in said
    assert said[-1].startswith("2 passed")

    answer, description = run(BLOCKS[-1], checkout, environment).split("}{", maxsplit=1)

    result = json.loads(answer + "}")
    assert (result["status"], result["model"], len(result["probabilities"])) == ("succeeded", "ships.v1", 3)
    assert json.loads("{" + description)["takes"]["kind"] == "picture"


def test_the_tables_of_the_page_name_every_kind() -> None:
    named = set(re.findall(r"^\| `([A-Z]\w+)\(", PAGE, re.MULTILINE))

    assert named == {kind.__name__ for union in (Takes, Answers) for kind in get_args(get_args(union)[0])}


def test_every_page_names_the_image_as_it_is_built() -> None:
    pages = PAGE + (ROOT / "docs/settings.md").read_text()

    assert set(re.findall(r"[\w./-]*ships:v1", pages)) == {"localhost/ships:v1"}
