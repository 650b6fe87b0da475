import subprocess
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement


def test_the_api_imports_neither_torch_nor_the_worker() -> None:
    program = (
        "import sys, inference_api.__main__; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} "
        "& {'torch', 'inference_worker', 'mnist_training'}))"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert answer.stdout.strip() == "[]"


def test_nothing_that_the_api_and_a_model_install_is_torch() -> None:
    installed, left = set(), {"mnist-inference-api", "mnist-inference-model-mnist"}
    while left:
        name = left.pop()
        installed.add(name)
        needed = map(Requirement, requires(name) or [])
        left |= {need.name.lower() for need in needed if is_needed(need)} - installed

    assert "pillow" in installed
    assert installed.isdisjoint({"torch", "torchvision", "mnist-inference-worker"})


def is_needed(need: Requirement) -> bool:
    return need.marker is None or need.marker.evaluate({"extra": "api"})
