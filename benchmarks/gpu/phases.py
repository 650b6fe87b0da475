"""The seconds of each phase of a worker's start, in a process where nothing is imported or initialised yet."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PHASES = """
import time; begin = time.perf_counter()
import json, torch; imported = time.perf_counter()
from mnist_model.predict.classifier import DigitClassifier
torch.zeros(1, device="cuda"); torch.cuda.synchronize(); initialised = time.perf_counter()
model = DigitClassifier.load(None, torch.device("cuda")); torch.cuda.synchronize(); loaded = time.perf_counter()
import numpy
for size in (1, 64): model.predict_batch(numpy.zeros((size, 28, 28), numpy.uint8))
warm = time.perf_counter()
print(json.dumps({"import torch": imported - begin, "start CUDA": initialised - imported,
                  "load the weights": loaded - initialised, "warm up": warm - loaded}))
"""


def time_phases() -> dict[str, float]:
    """Return the seconds of each phase by its name."""
    done = subprocess.run([sys.executable, "-c", PHASES], capture_output=True, text=True, check=True, cwd=ROOT)
    phases: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return phases
