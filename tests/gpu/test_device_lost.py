"""A device-side assert ends the process with its jobs unacknowledged; the next process does them."""

import pickle
import subprocess
import sys
from pathlib import Path

import torch

from inference_bridge.ending import EXIT_SOFTWARE
from tests.support.deployment import ROOT

JOB_COUNT = 5


def works(file: Path, *arguments: str) -> int:
    command = [sys.executable, "-m", "tests.gpu.works", str(file), *arguments]
    return subprocess.run(command, cwd=ROOT, timeout=100, check=False).returncode


def test_the_jobs_of_a_failed_device_are_done_by_the_next_process(gpu: torch.device, tmp_path: Path) -> None:
    file = tmp_path / "broker"

    first = works(file, str(JOB_COUNT))
    left = len(pickle.loads(file.read_bytes()))  # noqa: S301 - written by the process
    second = works(file)

    assert (first, left) == (EXIT_SOFTWARE, JOB_COUNT)
    assert (second, pickle.loads(file.read_bytes())) == (0, [])  # noqa: S301
