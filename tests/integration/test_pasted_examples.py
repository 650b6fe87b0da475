"""The commands that `/docs` shows for a model, pasted into a shell, get an answer; for each kind of input."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from inference_worker.sdk.new import KINDS, make_folder
from tests.support.servers import Process, free_port

#: The host and port in the commands.
SHOWN = "127.0.0.1:8000"


@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_of_the_docs_get_an_answer(kind: str, tmp_path: Path) -> None:
    make_folder("shown", kind, tmp_path)
    port = free_port()
    environment = {
        "INFERENCE_PORT": str(port),
        "INFERENCE_OPERATIONS_PORT": "0",
        "INFERENCE_MODEL": "shown",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path / "shown"), os.environ.get("PYTHONPATH")])),
    }
    process = Process([sys.executable, "-m", "inference_embedded"], tmp_path / "log", environment).start()
    try:
        process.wait_for_port(port)
        described = httpx.get(f"http://127.0.0.1:{port}/openapi.json").json()["paths"]["/models/shown"]["post"]
        [commands] = re.findall(r"```\n(.*?)```", described["description"], re.DOTALL)
        answer = subprocess.run(
            ["bash", "-euc", commands.replace(SHOWN, f"127.0.0.1:{port}")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    finally:
        process.stop()

    assert json.loads(answer.stdout)["status"] == "succeeded"
