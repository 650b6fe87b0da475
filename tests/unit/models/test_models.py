"""Every folder in `models`: the worker finds its class, the API reads its example, and the model answers it."""

import asyncio
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from inference_api.inputs import input_of
from inference_bridge.jobs import Job
from inference_bridge.kinds import Picture
from inference_bridge.spec import ModelSpec, from_json, to_json
from inference_worker.model import Model, import_model
from tests.support.deployment import ROOT
from tests.support.embedded import running_embedded
from tests.unit.worker.engines import engine_of, outcomes_of

#: Far from any bound of the models here.
LIMITS = {"max_bytes": 20_000_000, "max_pixels": 16_000_000}
#: A model with two halves is a package; any other one is a module of its folder.
PACKAGES = sorted(project.parent for project in ROOT.glob("models/*/pyproject.toml"))
MODULES = sorted(folder for folder in ROOT.glob("models/*") if (folder / f"{folder.name}.py").exists())


def path_of(folder: Path) -> str:
    """Return the value of `INFERENCE_MODEL` for this model."""
    return f"{folder.name}_model.predict" if folder in PACKAGES else folder.name


@pytest.fixture(params=PACKAGES + MODULES, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def model(folder: Path) -> type[Model]:
    return import_model(path_of(folder))


@pytest.fixture
def spec(model: type[Model]) -> ModelSpec:
    """Return the spec as the API reads it."""
    return from_json(to_json(model.spec))


def body_of(spec: ModelSpec) -> bytes:
    """Return the example as the API prepares it."""
    prepared = input_of(spec, **LIMITS).prepare(spec.example)
    return prepared if isinstance(prepared, bytes) else prepared()


def test_the_worker_finds_a_class_that_can_be_loaded_and_asked(folder: Path, model: type[Model]) -> None:
    assert model.spec.name == folder.name
    assert list(inspect.signature(model.load).parameters) == ["weights", "device"]
    assert len(inspect.signature(model.predict_batch).parameters) == 2


def test_the_api_reads_the_example(spec: ModelSpec) -> None:
    assert 0 < len(body_of(spec)) <= spec.takes.max_body_bytes


def test_the_example_has_the_same_answer_alone_and_in_a_batch(model: type[Model], spec: ModelSpec) -> None:
    job = Job("0" * 24, body_of(spec), 0, 0)
    engine = engine_of(model.load(None, torch.device("cpu")))

    [alone] = asyncio.run(outcomes_of(engine, job))
    batch = asyncio.run(outcomes_of(engine, *[job] * 7))
    engine.close()

    assert alone["status"] == "succeeded"
    assert _numbers(batch) == pytest.approx(_numbers([alone] * 7), abs=1e-4)


def _numbers(result: Any) -> list[float]:
    """Return every number in a result, in order."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list):
        return [number for part in result for number in _numbers(part)]
    return [result] if isinstance(result, int | float) else []


@pytest.mark.parametrize("name", [folder.name for folder in PACKAGES])
def test_the_half_of_the_api_leaves_no_torch_loaded(name: str) -> None:
    program = (
        "import sys; from inference_bridge.spec_files import load_specs; from inference_api.inputs import input_of; "
        f"[spec] = load_specs('{name}_model.spec:SPEC'); prepared = input_of(spec, **{LIMITS}).prepare(spec.example); "
        "prepared if isinstance(prepared, bytes) else prepared(); print('torch' in sys.modules)"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert answer.stdout.strip() == "False"


def test_the_example_goes_the_whole_way(folder: Path, spec: ModelSpec, tmp_path: Path) -> None:
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    with running_embedded(tmp_path, INFERENCE_MODEL=path_of(folder), PYTHONPATH=path) as (_, address):
        url = f"{address}/models/{spec.name}?wait=10"
        result = httpx.post(url, content=spec.example, headers={"Content-Type": content_type(spec)}, timeout=30).json()

    assert result["status"] == "succeeded"
    assert result["model"] == spec.message_type


def content_type(spec: ModelSpec) -> str:
    return "application/octet-stream" if isinstance(spec.takes, Picture) else spec.takes.content_types[0]
