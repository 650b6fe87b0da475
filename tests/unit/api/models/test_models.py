"""Several models behind one API: each has routes, ids, queues and metrics of its own."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from inference_api.dead.commands import find_spec
from inference_api.process import build_server
from inference_api.settings import ApiSettings
from inference_bridge.errors import ConfigurationError
from inference_bridge.results import classified, failed
from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC
from tests.support.waiting import until_found
from tests.unit.api.several import TREE, VOICE, WAV, Several, last_job, serving, some_settings

TREE_2 = ModelSpec("tree", 2, TREE.takes, TREE.answers, example=TREE.example)


@pytest.fixture
async def with_default() -> AsyncIterator[Several]:
    async with serving([SPEC, VOICE], some_settings(default_model="voice")) as api:
        yield api


# Submit


@pytest.mark.parametrize(
    ("model", "upload"),
    [
        ("tensor", bytes(24)),
        ("text-2", "grüße".encode()),
        ("tree", b'{"name":"oak"}'),
        ("voice", WAV),
    ],
)
async def test_an_input_of_each_kind_becomes_a_job_of_its_model(several: Several, model: str, upload: bytes) -> None:
    response = await several.submit(model, upload)

    body = response.json()
    assert (response.status_code, body["status"]) == (202, "pending")
    assert response.headers["location"] == f"/models/{model}/result/{body['inference_id']}"
    job = last_job(several, model)
    assert (job.inference_id, job.body, job.params) == (body["inference_id"], upload, "")
    assert job.spec_digest == several.served[model].spec.digest
    assert sum(len(served.broker.jobs) for served in several.served.values()) == 1


async def test_a_picture_travels_as_pixels(several: Several) -> None:
    response = await several.submit("paint", SPEC.example)

    assert response.status_code == 202
    assert len(last_job(several, "paint").body) == 6 * 8 * 3


async def test_a_form_is_taken_for_every_kind(several: Several) -> None:
    response = await several.client.post("/models/voice", files={"file": ("hello.wav", WAV)})

    assert response.status_code == 202
    assert last_job(several, "voice").content_type == "audio/wav"


async def test_a_parameter_in_a_form_is_refused_since_it_would_not_be_read(several: Several) -> None:
    response = await several.client.post("/models/voice", files={"file": WAV}, data={"threshold": "0"})

    assert (response.status_code, response.json()["detail"]) == (
        400,
        "the form has the field 'threshold'; write parameters in the URL: ?name=value",
    )


async def test_parameters_travel_beside_the_input(several: Several) -> None:
    response = await several.submit("voice", WAV, params={"threshold": "0.25", "is_loud": "true", "wait": "0"})

    assert response.status_code == 202
    assert last_job(several, "voice").params == '{"threshold":0.25,"is_loud":true}'


async def test_a_wrong_parameter_is_a_400_before_the_body_is_read(several: Several) -> None:
    response = await several.submit("voice", b"", params={"volume": "3"})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "it has threshold, count" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/models/voice?ttl=abc&ttl=30", "ttl"),
        ("/models/voice?timeline=true&timeline=false", "timeline"),
        ("/models/voice?priority=low&priority=low", "priority"),
        ("/models/voice?webhook=one&webhook=one", "webhook"),
        ("/models/voice?count=1&count=1", "count"),
        ("/models/voice/batch?wait=1&wait=2", "wait"),
    ],
)
async def test_a_parameter_that_is_given_twice_is_named(several: Several, path: str, name: str) -> None:
    response = await several.client.post(path, content=WAV)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.json()["detail"] == f"the parameter {name} is given 2 times; give it once"


async def test_the_same_key_with_other_parameters_is_a_conflict(several: Several) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await several.submit("voice", WAV, params={"count": "2"}, headers=headers)
    same = await several.submit("voice", WAV, params={"count": "2"}, headers=headers)
    other = await several.submit("voice", WAV, params={"count": "3"}, headers=headers)

    assert same.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert "another file, or with other parameters, such as ttl" in other.json()["detail"]


async def test_a_model_that_is_not_served_is_a_404_that_names_those_that_are(several: Several) -> None:
    for method, path in [
        ("POST", ""),
        ("GET", ""),
        ("GET", "/example"),
        ("GET", "/result/x"),
        ("GET", "/result/x/output"),
    ]:
        response = await several.client.request(method, f"/models/nobody{path}")

        assert (response.status_code, response.json()["code"]) == (404, "unknown_model")
        assert "the models are paint, tensor, text-2, tree, voice" in response.json()["detail"]


# The default model


async def test_without_a_default_model_there_is_no_classify(several: Several) -> None:
    assert (await several.client.post("/classify", content=SPEC.example)).status_code == 404
    assert (await several.client.get(f"/result/{'A' * 24}")).status_code == 404


async def test_classify_is_the_default_models_and_reads_its_parameters(with_default: Several) -> None:
    response = await with_default.client.post("/classify?count=2&color=red", content=WAV)
    inference_id = response.json()["inference_id"]

    assert response.headers["location"] == f"/result/{inference_id}"
    assert last_job(with_default, "voice").params == '{"count":2}'
    for path in (f"/result/{inference_id}", f"/models/voice/result/{inference_id}"):
        assert (await with_default.client.get(path)).json()["status"] == "pending"


async def test_metrics_name_the_model_of_a_call(with_default: Several) -> None:
    await with_default.client.post("/classify", content=WAV)
    inference_id = (await with_default.submit("mnist", SPEC.example)).json()["inference_id"]
    await with_default.client.get(f"/models/mnist/result/{inference_id}")
    await with_default.client.get(f"/models/mnist/result/{inference_id}/output")
    for path in ("/models", "/models/mnist", "/models/mnist/example", "/models/nobody"):
        await with_default.client.get(path)

    text = (await with_default.operations.get("/metrics")).text

    calls = {line.split("{")[1] for line in text.splitlines() if line.startswith("inference_http_responses_total{")}
    assert calls == {
        'call="classify",model="voice",status="202"} 1.0',
        'call="submit",model="mnist",status="202"} 1.0',
        'call="result",model="mnist",status="200"} 1.0',
        'call="output",model="mnist",status="404"} 1.0',
        'call="models",model="",status="200"} 1.0',
        'call="models",model="mnist",status="200"} 2.0',
        'call="models",model="",status="404"} 1.0',
    }
    assert 'inference_accepted_total{model="voice"} 1.0' in text
    assert 'inference_prepare_seconds_count{model="mnist"} 1.0' in text
    assert 'inference_waiting_jobs{model="voice",queue="voice.jobs"} 1.0' in text


# Clients


async def test_keys_and_limits_hold_for_all_models_together(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f'[alice]\nsha256 = ["{sha256(b"key").hexdigest()}"]\nmax_in_flight = 1\n')
    async with serving([TREE, VOICE], some_settings(api_keys_file=path)) as several:
        for url in ("/models", "/models/tree", "/models/tree/example", "/models/tree/result/x"):
            assert (await several.client.get(url)).status_code == 401
        assert (await several.submit("tree", TREE.example)).status_code == 401

        several.client.headers["Authorization"] = "Bearer key"
        inference_id = (await several.submit("tree", TREE.example)).json()["inference_id"]
        assert (await several.submit("voice", WAV)).json()["code"] == "too_many_in_flight"
        await several.served["tree"].store.put([failed(inference_id, "bad_answer", "why")])

        async def is_free() -> bool:
            return (await several.submit("voice", WAV)).status_code == 202

        await until_found(is_free)


# Versions, and the start


async def test_a_lower_version_has_a_queue_to_empty_and_no_route() -> None:
    async with serving([TREE_2, TREE]) as several:
        await several.submit("tree", TREE.example)
        inference_id = last_job(several, "tree.v2").inference_id
        await several.served["tree.v2"].store.put([classified(inference_id, [1.0], TREE_2)])
        await several.client.get(f"/models/tree/result/{inference_id}?wait=5")
        wanted = {
            prefix: (await several.operations.get(f"/scaling/{prefix}?target_wait_s=1&recent_s=3600")).json()["workers"]
            for prefix in ("tree", "tree.v2")
        }
        text = (await several.operations.get("/metrics")).text
        models = (await several.client.get("/models")).json()["models"]

    assert wanted == {"tree": 0, "tree.v2": 1}
    assert 'inference_waiting_jobs{model="tree",queue="tree.jobs"} 0.0' in text
    assert 'inference_waiting_jobs{model="tree",queue="tree.v2.jobs"} 1.0' in text
    assert [model["version"] for model in models] == [2]


async def test_the_process_is_ready_if_it_is_for_every_model(several: Several, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await several.client.get("/readyz")).status_code == 200

    monkeypatch.setattr("inference_bridge.memory.broker.MemoryPublisher.is_ready", False)

    assert (await several.client.get("/readyz")).json() == {"broker": "unavailable", "store": "ready"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, "INFERENCE_MODELS is '' and holds no spec"),
        ({"models": "mnist_model.spec:SPEC", "default_model": "voice"}, "INFERENCE_DEFAULT_MODEL is 'voice', but"),
        (
            {"models": "tests.unit.api.several:VOICE", "max_bytes": 1_024, "max_buffered_bytes": 131_072},
            "INFERENCE_MAX_BUFFERED_BYTES is 131072, but the largest upload of voice needs 165536",
        ),
    ],
    ids=["no-model", "unknown-default", "memory"],
)
def test_a_wrong_setting_ends_the_start(changed: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFERENCE_MODELS", raising=False)
    settings = ApiSettings(ticket_key=SecretStr("a key of sixteen"), **changed)

    with pytest.raises(ConfigurationError, match=reason):
        build_server(settings)


@pytest.mark.parametrize(
    ("specs", "model", "found"),
    [
        ([SPEC], None, SPEC),
        ([TREE_2, TREE], None, TREE_2),
        ([SPEC, TREE_2, TREE], "tree", TREE_2),
        ([SPEC, TREE_2, TREE], "tree.v1", TREE),
    ],
)
def test_dead_letters_are_those_of_the_named_model(specs: list[ModelSpec], model: str | None, found: ModelSpec) -> None:
    assert find_spec(specs, model) is found


def test_dead_letters_of_one_of_several_models_need_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"several models: mnist\.v1, tree\.v1; name one of them with --model"):
        find_spec([SPEC, TREE], None)


def test_dead_letters_of_a_model_that_is_not_served_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"--model is 'voice', .* has mnist\.v1, tree\.v1; name one of them"):
        find_spec([SPEC, TREE], "voice")
