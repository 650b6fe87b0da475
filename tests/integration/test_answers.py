"""Pictures in, the right answers out: one by hand as in the article, and hundreds at once."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_model.predict.classifier import DigitClassifier
from mnist_model.prepare import prepare
from tests.integration.conftest import System, some_pictures
from tests.support.deployment import ROOT
from tests.support.waiting import until_in_thread

JOBS = 300


def curl(*arguments: str) -> dict[str, object]:
    """Run curl as a person would; return the JSON that it prints."""
    answer = subprocess.run(["curl", "--silent", *arguments], capture_output=True, text=True, timeout=30, check=True)
    body: dict[str, object] = json.loads(answer.stdout)
    return body


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, str(ROOT / "samples" / "make_pictures.py"), str(directory)], check=True, timeout=30)
    return directory


@pytest.mark.parametrize(("picture", "digit"), [("three.jpeg", 3), ("four.jpg", 4), ("seven.webp", 7)])
def test_the_session_of_the_article(system: System, samples: Path, picture: str, digit: int) -> None:
    submitted = curl("--form", f"file=@{samples / picture}", f"{system.api.url}/classify")
    result = curl(f"{system.api.url}/result/{submitted['inference_id']}?wait=10")

    assert submitted["status"] == "pending"
    assert (result["status"], result["predicted_class"]) == ("succeeded", digit)


async def test_hundreds_of_jobs_get_the_models_own_answers_from_two_workers(system: System) -> None:
    pictures = some_pictures(JOBS)
    batch = np.stack(
        [np.frombuffer(prepare(picture, max_pixels=784), np.uint8).reshape(28, 28) for picture in pictures]
    )
    expected = DigitClassifier.load(None, torch.device("cpu")).predict_batch(batch)
    before = counted(system)

    results = await system.results(await system.submit_all(pictures))

    assert [result["predicted_class"] for result in results] == expected.argmax(axis=1).tolist()
    answered = np.array([result["probabilities"] for result in results])
    # Another batch size may add up in another order.
    assert np.abs(answered - expected).max() < 1e-4
    # A result can be read a moment before the worker that stored it has counted it.
    await until_in_thread(lambda: sum(counted(system)) >= sum(before) + JOBS)
    after = counted(system)
    assert sum(after) - sum(before) == JOBS
    assert min(now - then for now, then in zip(after, before, strict=True)) > 0


def counted(system: System) -> list[float]:
    """Return how many results each worker has counted."""
    return [worker.metric("inference_results_total") for worker in system.workers]
