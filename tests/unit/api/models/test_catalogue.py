"""The list of the models, their descriptions and their examples."""

import pytest

from inference_bridge.depths import Depths
from inference_bridge.errors import BrokerUnavailable
from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC
from tests.unit.api.several import ALL, PAINT, TENSOR, TEXT, TREE, VOICE, Several, serving


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
        "workers": 0,
        "urls": {
            "submit": "/models/paint",
            "spec": "/models/paint",
            "example": "/models/paint/example",
            "preview": "/models/paint/preview",
            "result": "/models/paint/result/{inference_id}",
            "events": "/models/paint/result/{inference_id}/events",
            "cancel": "/models/paint/result/{inference_id}/cancel",
            "output": "/models/paint/result/{inference_id}/output",
            "batch": "/models/paint/batch",
            "results": "/models/paint/results",
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
