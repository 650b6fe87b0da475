"""Several models, and two versions of one, behind one API: each with its own queue and workers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from inference_bridge.spec import to_json
from mnist_model.spec import SPEC
from tests.support.deployment import SPECS, Deployment, Service
from tests.support.models import ScalesModel, WordsModel
from tests.support.results import fetch_result
from tests.support.servers import RabbitMQ, RedisServer

RESULT_TIMEOUT_S = 30.0
WORDS, SCALES = "tests.support.models:WordsModel", "tests.support.models:ScalesModel"
NUMBERS = np.array([1, 2, 3, 4], dtype="<f4").tobytes()


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the spec files of two models."""
    folder = tmp_path_factory.mktemp("specs")
    for model in (WordsModel, ScalesModel):
        (folder / f"{model.spec.name}.json").write_text(to_json(model.spec))
    return folder


@pytest.fixture(scope="module")
def deployment(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("several-models")
    with Deployment(directory, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def api(deployment: Deployment, specs: Path) -> Service:
    """An API of three models, with a worker each."""
    settings = {"INFERENCE_MODELS": f"{SPECS},{specs}", "INFERENCE_DEFAULT_MODEL": SPEC.name}
    services = [deployment.api(**settings), deployment.worker()]
    services += [deployment.worker(INFERENCE_MODEL=model) for model in (WORDS, SCALES)]
    for service in services:
        service.wait_until_ready()
    return services[0]


def ask(api: Service, path: str, content: bytes) -> dict[str, Any]:
    answer = httpx.post(f"{api.url}{path}", content=content, headers={"Prefer": "wait=20"}, timeout=30)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def read(api: Service, url: str) -> dict[str, Any]:
    return fetch_result(api.url + url, RESULT_TIMEOUT_S)


def test_each_model_answers_its_own_kind(api: Service) -> None:
    digit = ask(api, "/classify", SPEC.example)
    words = ask(api, "/models/words?factor=2", b"one two")
    scales = ask(api, "/models/scales", NUMBERS)

    once = ask(api, "/models/words", b"one two")["output"]["score"]
    assert digit["predicted_class"] == 1
    assert words["output"] == {"score": pytest.approx(2 * once), "text": "one two"}
    output = httpx.get(api.url + scales["output"]["href"], timeout=10)
    weights = ScalesModel().weights
    assert np.frombuffer(output.content, np.float32) == pytest.approx(weights * [1, 2, 3, 4])
    assert output.headers["content-type"] == "application/octet-stream"


def test_the_default_model_is_reached_by_its_name_too(api: Service) -> None:
    inference_id = ask(api, "/classify", SPEC.example)["inference_id"]

    assert read(api, f"/models/mnist/result/{inference_id}")["predicted_class"] == 1


def test_an_id_of_one_model_is_unknown_to_another(api: Service) -> None:
    inference_id = ask(api, "/models/words", b"one")["inference_id"]

    answer = httpx.get(f"{api.url}/models/scales/result/{inference_id}", timeout=10)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_id")


def test_an_input_that_the_model_refuses_fails_alone(api: Service) -> None:
    answer = ask(api, "/models/words", b"refuse this")

    assert (answer["status"], answer["error"]["code"]) == ("failed", "invalid_input")
    assert answer["error"]["message"] == "this text is not for us"


def test_the_examples_in_the_list_of_models_are_answered(api: Service) -> None:
    models = httpx.get(f"{api.url}/models", timeout=10).json()["models"]

    for model in models:
        example = httpx.get(api.url + model["urls"]["example"], timeout=10).content
        assert ask(api, model["urls"]["submit"], example)["status"] == "succeeded"
    assert [model["name"] for model in models] == ["mnist", "scales", "words"]


def test_two_versions_run_side_by_side(deployment: Deployment, tmp_path: Path) -> None:
    """A job of version 1 waits; an API of version 2 takes over, and both workers answer into one place."""
    first, second = (replace(WordsModel.spec, name="pair", version=version) for version in (1, 2))
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(to_json(first))
    new.write_text(to_json(second))
    api = deployment.api(INFERENCE_MODELS=str(old)).wait_until_ready()
    waiting = httpx.post(f"{api.url}/models/pair", content=b"old", timeout=10).headers["location"]
    api.process.stop()

    api = deployment.api(INFERENCE_MODELS=f"{old},{new}").wait_until_ready()
    added = httpx.post(f"{api.url}/models/pair", content=b"new", timeout=10).headers["location"]
    for model in ("FirstPair", "SecondPair"):
        deployment.worker(INFERENCE_MODEL=f"tests.support.models:{model}")

    assert [read(api, url)["model"] for url in (waiting, added)] == ["pair.v1", "pair.v2"]


def test_a_worker_of_another_spec_is_counted_and_logged(deployment: Deployment, tmp_path: Path) -> None:
    spec = replace(WordsModel.spec, name="drift")
    path = tmp_path / "drift.json"
    path.write_text(to_json(spec))
    api = deployment.api(INFERENCE_MODELS=str(path)).wait_until_ready()
    worker = deployment.worker(INFERENCE_MODEL="tests.support.models:DriftedModel").wait_until_ready()

    for text in (b"one", b"two"):
        assert ask(api, "/models/drift", text)["status"] == "succeeded"

    assert worker.metric("inference_spec_mismatches_total") == 2
    assert worker.process.log.read_text().count("another spec") == 1
