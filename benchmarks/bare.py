"""Measures the model without a server, in one process with one thread, and the cost of each step of a photograph.

`python -m benchmarks.bare` prints the figures as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.contenders import ONE_THREAD
from benchmarks.peers.models import MAX_PIXELS, Served, load
from benchmarks.pictures import DRAWN, draw_photographs, make_pictures
from inference_pictures.decode import open_picture
from mnist_model.prepare import read_pixels
from mnist_model.prepare.steps import run_steps
from tests.support.deployment import ROOT

BATCH, DURATION_S = 64, 3.0
PHOTOGRAPHS = 60


def measure() -> dict[str, Any]:
    """Run this module as a program of its own; return its figures."""
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, env=os.environ | ONE_THREAD, check=True, capture_output=True, text=True, cwd=ROOT)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def run_loop(duration_s: float) -> dict[str, float]:
    """Prepare pictures and run batches as fast as one thread can; return jobs/s and CPU-ms per job."""
    model, supply = load("digits"), make_pictures()
    files = [supply[number % len(supply)] for number in range(BATCH)]
    model.predict_batch(np.stack([model.read(file) for file in files]))
    prepare_s = forward_s = 0.0
    jobs, begin = 0, time.perf_counter()
    while time.perf_counter() < begin + duration_s:
        started = time.thread_time()
        batch = np.stack([model.read(file) for file in files])
        prepared = time.thread_time()
        model.predict_batch(batch)
        prepare_s, forward_s = prepare_s + prepared - started, forward_s + time.thread_time() - prepared
        jobs += BATCH
    return {
        "jobs_per_s": jobs / (time.perf_counter() - begin),
        "prepare_ms": 1000 * prepare_s / jobs,
        "forward_ms": 1000 * forward_s / jobs,
    }


def time_steps(photographs: Sequence[bytes]) -> dict[str, float]:
    """Return the median CPU-ms of each step of a photograph's preparation."""
    spent: dict[str, list[float]] = defaultdict(list)
    for file in photographs:
        started = time.thread_time()
        pixels = read_pixels(open_picture(file), max_pixels=MAX_PIXELS)
        now = time.thread_time()
        spent["decode"].append(now - started)
        started = now
        for name, _ in run_steps(pixels):
            now = time.thread_time()
            spent[name].append(now - started)
            started = now
    return {name: 1000 * median(times) for name, times in spent.items()}


def share_right(photographs: Sequence[bytes], model: Served) -> float:
    """Return the share of the photographs that are read as the digit that was drawn."""
    answers = model.predict_batch(np.stack([model.read(file) for file in photographs])).argmax(1)
    return float(np.mean(answers == np.resize(DRAWN, len(photographs))))


def main() -> None:
    """Print all figures."""
    figures: dict[str, Any] = run_loop(DURATION_S)
    photographs = draw_photographs(PHOTOGRAPHS)
    time_steps(photographs[:4])
    figures["steps_ms"] = time_steps(photographs)
    figures["right"] = {name: share_right(photographs, load(name)) for name in ("digits", "plain")}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
