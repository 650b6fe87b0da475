"""Several models behind one API: each has routes, ids, queues and metrics of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from inference_api.dead.commands import find_spec
from inference_api.process import build_server
from inference_api.settings import ApiSettings
from inference_bridge.depths import Depths
from inference_bridge.errors import BrokerUnavailable, ConfigurationError
from inference_bridge.jobs import Job, from_message
from inference_bridge.results import Result, answered, classified, expired, failed, produced
from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC
from tests.support.waiting import until, until_found
from tests.unit.api.several import ALL, PAINT, TENSOR, TEXT, TREE, VOICE, WAV, Several, serving, some_settings

TREE_2 = ModelSpec("tree", 2, TREE.takes, TREE.answers, example=TREE.example)


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    async with serving() as api:
        yield api


@pytest.fixture
async def with_default() -> AsyncIterator[Several]:
    async with serving([SPEC, VOICE], some_settings(default_model="voice")) as api:
        yield api


def last_job(several: Several, model: str) -> Job:
    served = several.served[model]
    message = served.broker.jobs[-1]
    return from_message(message.properties, message.body, served.spec)


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
        "the form has the field 'threshold'; parameters belong into the URL: ?name=value",
    )


async def test_parameters_travel_beside_the_input(several: Several) -> None:
    response = await several.submit("voice", WAV, params={"threshold": "0.25", "is_loud": "true", "wait": "0"})

    assert response.status_code == 202
    assert last_job(several, "voice").params == '{"threshold":0.25,"is_loud":true}'


async def test_a_wrong_parameter_is_a_400_before_the_body_is_read(several: Several) -> None:
    response = await several.submit("voice", b"", params={"volume": "3"})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "it has threshold, count" in response.json()["detail"]


async def test_the_same_key_with_other_parameters_is_a_conflict(several: Several) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await several.submit("voice", WAV, params={"count": "2"}, headers=headers)
    same = await several.submit("voice", WAV, params={"count": "2"}, headers=headers)
    other = await several.submit("voice", WAV, params={"count": "3"}, headers=headers)

    assert same.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert "another file" in other.json()["detail"]


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


# Results


async def test_a_wait_ends_with_the_result(several: Several) -> None:
    waiting = asyncio.create_task(several.submit("tree", TREE.example, params={"wait": "5"}))
    broker = several.served["tree"].broker
    await until(lambda: broker.jobs)
    inference_id = last_job(several, "tree").inference_id

    await several.served["tree"].store.put([answered(inference_id, b'{"name":"elm"}', TREE)])

    response = await waiting
    assert (response.status_code, response.headers["preference-applied"]) == (200, "wait=5")
    assert response.json()["output"] == {"name": "elm"}
    assert (await several.client.get(f"/models/tree/result/{inference_id}")).content == response.content


async def test_an_id_of_one_model_is_unknown_to_another(several: Several) -> None:
    inference_id = (await several.submit("tree", TREE.example)).json()["inference_id"]

    mine = await several.client.get(f"/models/tree/result/{inference_id}")
    other = await several.client.get(f"/models/voice/result/{inference_id}")

    assert (mine.status_code, mine.json()["status"]) == (200, "pending")
    assert (other.status_code, other.json()["code"]) == (404, "unknown_id")


async def test_an_unknown_id_is_answered_with_the_call_that_issues_ids(several: Several) -> None:
    for path in ("/models/paint/result/x", "/models/paint/result/x/output"):
        response = await several.client.get(path)

        assert response.json()["detail"] == (
            "inference_id 'x' was not issued by this service; use the id from POST /models/paint"
        )


async def test_waiting_calls_of_all_models_share_their_places() -> None:
    async with serving([TREE, VOICE], some_settings(max_waiters=1)) as several:
        waiting = asyncio.create_task(several.submit("tree", TREE.example, params={"wait": "5"}))

        async def waits() -> bool:
            return 'inference_waiters{model="tree"} 1.0' in (await several.operations.get("/metrics")).text

        await until_found(waits)
        refused = await several.submit("voice", WAV, params={"wait": "5"})
        inference_id = last_job(several, "tree").inference_id
        await several.served["tree"].store.put([failed(inference_id, "bad_answer", "why")])

        assert "preference-applied" not in refused.headers
        assert (await waiting).json()["status"] == "failed"


# Output


@pytest.fixture
async def painted(several: Several) -> str:
    """The id of a job whose result is stored."""
    return str((await several.submit("paint", SPEC.example)).json()["inference_id"])


async def test_an_output_is_a_file_to_save_and_never_a_page(several: Several, painted: str) -> None:
    await several.served["paint"].store.put([produced(painted, b"a picture", "image/png", PAINT)])
    result = (await several.client.get(f"/models/paint/result/{painted}")).json()

    response = await several.client.get(result["output"]["href"])

    assert "cache-control" not in response.headers

    assert (response.status_code, response.content) == (200, b"a picture")
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"] == f'attachment; filename="{painted}.png"'
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_an_output_that_is_not_there_yet_is_a_409(several: Several, painted: str) -> None:
    response = await several.client.get(f"/models/paint/result/{painted}/output")

    assert response.headers["cache-control"] == "no-store"

    assert (response.status_code, response.json()["code"]) == (409, "not_finished")


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        pytest.param(lambda one: failed(one, "bad_answer", "why"), 404, "no_output", id="failed"),
        pytest.param(expired, 410, "expired_id", id="expired"),
    ],
)
async def test_an_output_that_will_never_be_there_says_so(
    several: Several, painted: str, end: Callable[[str], Result], status: int, code: str
) -> None:
    await several.served["paint"].store.put([end(painted)])

    response = await several.client.get(f"/models/paint/result/{painted}/output")

    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_model_that_answers_no_file_has_no_output(several: Several) -> None:
    inference_id = (await several.submit("tree", TREE.example)).json()["inference_id"]

    response = await several.client.get(f"/models/tree/result/{inference_id}/output")
    forged = await several.client.get(f"/models/paint/result/{'A' * 24}/output")

    assert (response.status_code, response.json()["code"]) == (404, "no_output")
    assert (forged.status_code, forged.json()["code"]) == (404, "unknown_id")


# The catalogue


async def test_the_list_has_every_model_with_its_waiting_jobs(
    several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    await several.submit("tree", TREE.example)

    models = {model["name"]: model for model in (await several.client.get("/models")).json()["models"]}

    assert list(models) == [spec.name for spec in ALL]
    assert [models[name]["waiting"] for name in ("tree", "voice")] == [1, 0]
    assert models["paint"] == {
        "name": "paint",
        "version": 1,
        "takes": "picture",
        "answers": "bytes",
        "waiting": 0,
        "urls": {
            "submit": "/models/paint",
            "spec": "/models/paint",
            "example": "/models/paint/example",
            "result": "/models/paint/result/{inference_id}",
            "output": "/models/paint/result/{inference_id}/output",
        },
    }

    async def fail(_: object) -> Depths:
        raise BrokerUnavailable("away")

    monkeypatch.setattr("inference_bridge.memory.broker.MemoryDepthReader.read", fail)
    assert (await several.client.get("/models")).json()["models"][0]["waiting"] is None


async def test_a_model_is_described_without_names_of_code() -> None:
    async with serving([SPEC]) as several:
        described = (await several.client.get("/models/mnist")).json()

    assert described["takes"] == {"kind": "picture", "width": 28, "height": 28, "mode": "L", "fit": "cover"}
    assert (described["digest"], described["version"]) == (SPEC.digest, 1)
    assert "example" not in described
    assert described["urls"]["example"] == "/models/mnist/example"


async def test_a_description_has_the_schemas(several: Several) -> None:
    described = (await several.client.get("/models/voice")).json()

    assert described["answers"]["document"]["$defs"]["Tree"]["properties"]["name"]["maxLength"] == 8
    assert described["params"]["properties"]["count"]["default"] == 3


@pytest.mark.parametrize(
    ("spec", "content_type"),
    [
        (SPEC, "image/x-portable-anymap"),
        (TENSOR, "application/octet-stream"),
        (TEXT, "text/plain; charset=utf-8"),
        (TREE, "application/json"),
        (VOICE, "audio/wav"),
        (PAINT, "application/octet-stream"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_an_example_has_its_type(spec: ModelSpec, content_type: str) -> None:
    async with serving([spec]) as several:
        response = await several.client.get(f"/models/{spec.name}/example")

    assert (response.content, response.headers["content-type"]) == (spec.example, content_type)


@pytest.mark.parametrize("spec", [SPEC, TENSOR, TEXT, TREE, VOICE], ids=lambda spec: spec.name)
async def test_an_example_can_be_posted_as_it_was_fetched(spec: ModelSpec) -> None:
    async with serving([spec]) as several:
        example = await several.client.get(f"/models/{spec.name}/example")

        assert (await several.submit(spec.name, example.content)).status_code == 202


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


@pytest.mark.parametrize("model", [None, "voice"])
def test_dead_letters_of_a_model_that_is_not_named_are_refused(model: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"has mnist\.v1, tree\.v1; name one of them"):
        find_spec([SPEC, TREE], model)
