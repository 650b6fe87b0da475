"""Every folder in `models`: the names in a spec exist and have the right type, and the model works."""

import inspect
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from inference_api.model import import_prepare

from inference_bridge.spec import ModelSpec, load_spec
from inference_worker.model import import_model
from tests.support.deployment import ROOT
from tests.support.servers import Process, free_port

PATHS = sorted(f"{project.parent.name}_model.spec:SPEC" for project in ROOT.glob("models/*/pyproject.toml"))


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def spec(path: str) -> ModelSpec:
    return load_spec(path)


def test_the_worker_finds_a_class_that_can_be_loaded_and_asked(spec: ModelSpec) -> None:
    model = import_model(spec)

    assert model.spec == spec
    assert list(inspect.signature(model.load).parameters) == ["weights", "device"]
    assert len(inspect.signature(model.predict_batch).parameters) == 2


def test_the_api_finds_a_function_that_turns_the_example_into_a_body(spec: ModelSpec) -> None:
    prepared = import_prepare(spec)(spec.example, max_pixels=16_000_000)

    body = prepared if isinstance(prepared, bytes) else prepared()
    assert len(body) == spec.body_bytes


def test_the_half_of_the_api_leaves_no_torch_loaded(path: str) -> None:
    program = (
        "import sys; from inference_bridge.spec import load_spec; from inference_api.model import import_prepare; "
        f"spec = load_spec({path!r}); prepared = import_prepare(spec)(spec.example, max_pixels=16_000_000); "
        "prepared if isinstance(prepared, bytes) else prepared(); print('torch' in sys.modules)"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert answer.stdout.strip() == "False"


def test_the_example_goes_the_whole_way(path: str, spec: ModelSpec, tmp_path: Path) -> None:
    port = free_port()
    variables = {"INFERENCE_MODEL": path, "INFERENCE_PORT": str(port), "INFERENCE_OPERATIONS_PORT": "0"}
    process = Process([sys.executable, "-m", "inference_embedded"], tmp_path / "log", variables).start()
    try:
        process.wait_for_port(port)
        url = f"http://127.0.0.1:{port}/classify?wait=10"
        result = httpx.post(url, content=spec.example, timeout=30).json()
    finally:
        process.stop(signal.SIGTERM)

    assert result["status"] == "succeeded"
    assert result["model"] == spec.message_type
    assert len(result["probabilities"]) == spec.class_count
