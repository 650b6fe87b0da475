"""`make bench-gpu`: measures the worker on a GPU, without RabbitMQ, Redis and a network; writes docs/gpu.md.

Without a GPU it ends with a sentence.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.copies import time_copies
from benchmarks.gpu.curve import measure_curve
from benchmarks.gpu.multiplying import Multiplying, MultiplyingLarge
from benchmarks.gpu.page import render
from benchmarks.gpu.phases import time_phases
from benchmarks.gpu.saturation import count_jobs_per_s, measure_busy_share
from inference_bridge.errors import ConfigurationError
from inference_worker.device import open_device

DOCS = Path(__file__).parents[2] / "docs"


def main() -> None:
    """Measure everything; write docs/gpu.json and docs/gpu.md."""
    try:
        device = open_device("cuda", require_gpu=True)
    except ConfigurationError as error:
        sys.exit(f"nothing was measured: {error}")
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "phases": time_phases(),
        "curve": list(measure_curve(device)),
        "copies": list(time_copies(device)),
        "jobs_per_s": count_jobs_per_s(device),
        "busy_share": measure_busy_share(Multiplying, device),
        "busy_share_large": measure_busy_share(MultiplyingLarge, device),
    }
    (DOCS / "gpu.json").write_text(json.dumps(figures, indent=1) + "\n")
    (DOCS / "gpu.md").write_text(render(figures))
    print(render(figures))


if __name__ == "__main__":
    main()
