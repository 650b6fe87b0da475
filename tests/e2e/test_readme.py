"""Runs the session of the README, unchanged."""

import json
import re
import subprocess
from pathlib import Path

from tests.e2e import release
from tests.e2e.system import System
from tests.support.deployment import ROOT

SESSION = re.compile(r"<!-- make e2e runs these lines as they stand -->\n```sh\n(.*?)```", re.DOTALL)


def test_the_readmes_port_forward_and_curl_lines_give_an_answer(idle: System, tmp_path: Path) -> None:
    release.set_seconds_per_job(0)
    (found,) = SESSION.findall((ROOT / "README.md").read_text())
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    # The port-forward in the background ends with the shell.
    script = f"trap 'kill $(jobs -p)' EXIT\n{found}"

    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=120, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    answers = [json.loads(body) for body in re.findall(r"\{[^{}]*\}", done.stdout)]
    assert answers[-1]["inference_id"] == answers[-2]["inference_id"]
    assert answers[-1]["predicted_class"] == 3
