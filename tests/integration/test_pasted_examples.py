"""The commands that `/docs` shows for a model, pasted into a shell, get an answer; for each kind of input."""

import json
import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from inference_worker.sdk.new import KINDS, make_folder
from tests.support.embedded import running_embedded

#: The address in the commands.
SHOWN = "http://127.0.0.1:8000"


@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_of_the_docs_get_an_answer(kind: str, tmp_path: Path) -> None:
    make_folder("shown", kind, tmp_path)
    path = os.pathsep.join(filter(None, [str(tmp_path / "shown"), os.environ.get("PYTHONPATH")]))
    with running_embedded(tmp_path, INFERENCE_MODEL="shown", PYTHONPATH=path) as (_, url):
        described = httpx.get(f"{url}/openapi.json").json()["paths"]["/models/shown"]["post"]
        [commands] = re.findall(r"```\n(.*?)```", described["description"], re.DOTALL)
        answer = subprocess.run(
            ["bash", "-euc", commands.replace(SHOWN, url)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )

    assert json.loads(answer.stdout)["status"] == "succeeded"
