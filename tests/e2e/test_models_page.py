"""Part 4 of `docs/models.md`, "Your model in 15 minutes": its commands, as they stand, in this cluster."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import cluster
from tests.e2e.command import run
from tests.support.deployment import ROOT
from tests.support.results import fetch_result
from tests.support.waiting import wait_for

PART = re.compile(r"### 4\. Serve it in a cluster\n(.*?)\n## ", re.DOTALL)
#: This cluster is there already.
LEFT_OUT = ("kind create cluster", "keda/install.sh")
URL = "http://127.0.0.1:8000/models/ships"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout with the folder of a new model."""
    for file in run("git", "ls-files").splitlines():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    make = [sys.executable, "-m", "inference_worker", "new", "ships"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    return tmp_path


@pytest.fixture
def fleet(in_cluster: None) -> Iterator[None]:
    """Nothing of the page's release is left."""
    yield
    run("helm", "--namespace", "fleet", "uninstall", "fleet", "--wait", expected_status=None)
    run("kubectl", "delete", "namespace", "fleet", "--ignore-not-found", timeout_s=180)


def test_the_commands_of_the_page_serve_a_new_model(checkout: Path, fleet: None) -> None:
    *commands, forward = find_commands()
    environment = {**os.environ, "KIND_CLUSTER_NAME": cluster.NAME}
    script = "\n".join(commands)
    done = subprocess.run(
        ["bash", "-euc", script], cwd=checkout, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    with subprocess.Popen(forward.split(), stdout=subprocess.DEVNULL) as forwarding:
        try:
            result = ask((ROOT / "samples/three.pgm").read_bytes())
        finally:
            forwarding.terminate()

    assert (result["status"], result["model"], len(result["probabilities"])) == ("succeeded", "ships.v1", 3)


def find_commands() -> list[str]:
    """Return the commands of the page, with commands of more than one line."""
    (part,) = PART.findall((ROOT / "docs/models.md").read_text())
    text = "".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL)).replace("\\\n", " ")
    return [line for line in text.splitlines() if not line.startswith(LEFT_OUT)]


def ask(picture: bytes) -> dict[str, Any]:
    def submit() -> str:
        try:
            answer = httpx.post(URL, content=picture, timeout=10)
        except httpx.TransportError:  # not forwarded yet
            return ""
        return str(answer.headers.get("location", ""))

    location = wait_for("an accepted picture", submit, 60)

    return fetch_result(f"http://127.0.0.1:8000{location}", 240)
