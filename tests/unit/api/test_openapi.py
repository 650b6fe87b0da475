"""The OpenAPI description of every served model: its references resolve, and answers are as it says."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta

from inference_api import errors as api_errors
from inference_api.openapi.lift import PREFIX, lift
from inference_bridge import errors
from inference_bridge.results import answered, canceled, classified, expired, failed, produced
from inference_bridge.spec import ModelSpec
from inference_pictures import errors as picture_errors
from mnist_model.spec import SPEC
from tests.unit.api.several import ALL, PAINT, TEXT, TREE, VOICE, Several, serving

Document = dict[str, Any]


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    async with serving() as api:
        yield api


@pytest.fixture
async def document(several: Several) -> Document:
    described: Document = (await several.client.get("/openapi.json")).json()
    return described


def parts_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        yield str(key), part
        yield from parts_of(part)


def problems_of(schema: Document, value: Any, document: Document) -> list[str]:
    """Return how an answer differs from its schema, whose references lead into the description."""
    validator = Draft202012Validator({**schema, "components": document["components"]}, offline=True)
    return [error.message for error in validator.iter_errors(value)]


def answer_schema(document: Document, path: str, method: str, status: int) -> Document:
    content = document["paths"][path][method]["responses"][str(status)]["content"]
    schema: Document = next(iter(content.values()))["schema"]
    return schema


def test_every_reference_leads_to_a_schema(document: Document) -> None:
    references = {value for key, value in parts_of(document["paths"]) if key == "$ref"}
    references |= {value for key, value in parts_of(document["components"]) if key == "$ref"}

    assert {f"{PREFIX}tree_input_Tree", f"{PREFIX}voice_params_Speed"} <= references
    assert {one.removeprefix(PREFIX) for one in references} <= document["components"]["schemas"].keys()


def test_every_schema_is_valid(document: Document) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert meta.is_valid(schema), name


def test_every_call_has_a_name_of_its_own(document: Document) -> None:
    names = [value for key, value in parts_of(document["paths"]) if key == "operationId"]

    assert len(names) == len(set(names))
    assert {"submit_text_2", "result_voice", "output_paint", "list_models"} <= set(names)
    assert "output_voice" not in names


def test_every_model_has_its_own_calls_and_no_classify(document: Document) -> None:
    paths = set(document["paths"])

    for spec in ALL:
        url = f"/models/{spec.name}"
        assert {url, f"{url}/example", f"{url}/result/{{inference_id}}"} <= paths
    assert paths.isdisjoint({"/classify", "/result/{inference_id}"})


async def test_the_default_model_has_classify() -> None:
    async with serving([SPEC]) as several:
        paths = (await several.client.get("/openapi.json")).json()["paths"]

    assert {"/classify", "/result/{inference_id}", "/models/mnist"} <= set(paths)


async def test_the_default_models_calls_are_described_by_its_spec() -> None:
    async with serving([VOICE]) as several:
        paths = (await several.client.get("/openapi.json")).json()["paths"]

    classify, submit = paths["/classify"]["post"], paths["/models/voice"]["post"]
    assert classify["operationId"] == "classify"
    assert classify["requestBody"] == submit["requestBody"]


def test_parameters_are_typed(document: Document) -> None:
    parameters = {one["name"]: one for one in document["paths"]["/models/voice"]["post"]["parameters"]}

    assert parameters["threshold"]["in"] == "query"
    assert not parameters["threshold"]["required"]
    assert parameters["threshold"]["schema"]["maximum"] == 1
    assert parameters["speed"]["schema"]["$ref"] == f"{PREFIX}voice_params_Speed"


@pytest.mark.parametrize(
    ("model", "media_types"),
    [
        ("tensor", {"application/octet-stream"}),
        ("text-2", {"text/plain"}),
        ("tree", {"application/json"}),
        ("voice", {"audio/wav", "audio/flac"}),
        ("paint", {"image/*", "application/octet-stream"}),
    ],
)
def test_a_body_is_described_by_the_kind_of_input(document: Document, model: str, media_types: set[str]) -> None:
    post = document["paths"][f"/models/{model}"]["post"]

    assert set(post["requestBody"]["content"]) == {*media_types, "multipart/form-data"}
    assert f"curl --data-binary @{model}.example 'http://127.0.0.1:8000/models/{model}?wait=5'" in post["description"]


def test_an_example_that_can_be_read_is_shown(document: Document) -> None:
    paths = document["paths"]

    assert paths["/models/tree"]["post"]["requestBody"]["content"]["application/json"]["example"] == {"name": "oak"}
    assert paths["/models/text-2"]["post"]["requestBody"]["content"]["text/plain"]["example"] == "grüße"


@pytest.mark.parametrize("spec", [TEXT, TREE, PAINT], ids=lambda spec: spec.name)
async def test_answers_are_as_described(several: Several, document: Document, spec: ModelSpec) -> None:
    url, served = f"/models/{spec.name}", several.served[spec.name]
    upload = SPEC.example if spec is PAINT else spec.example
    accepted = await several.submit(spec.name, upload)
    other = (await several.submit(spec.name, upload)).json()["inference_id"]
    inference_id = accepted.json()["inference_id"]
    result = {
        TEXT.name: classified(inference_id, [0.25, 0.75], TEXT),
        TREE.name: answered(inference_id, b'{"name":"elm","weight":2,"branches":[{"name":"a"}]}', TREE),
        PAINT.name: produced(inference_id, b"a picture", "image/png", PAINT),
    }[spec.name]
    await served.store.put([result, failed(other, "bad_answer", "why")])
    read = answer_schema(document, f"{url}/result/{{inference_id}}", "get", 200)

    assert problems_of(answer_schema(document, url, "post", 202), accepted.json(), document) == []
    for one in (inference_id, other):
        found = (await several.client.get(f"{url}/result/{one}")).json()
        assert problems_of(read, found, document) == []
    assert problems_of(read, {**found, "more": 1}, document) != []


async def test_the_catalogue_is_as_described(several: Several, document: Document) -> None:
    listed = (await several.client.get("/models")).json()
    described = (await several.client.get("/models/voice")).json()

    assert problems_of(answer_schema(document, "/models", "get", 200), listed, document) == []
    assert problems_of(answer_schema(document, "/models/voice", "get", 200), described, document) == []


def test_every_example_of_a_problem_has_a_code_that_exists(document: Document) -> None:
    known = [*vars(errors).values(), *vars(api_errors).values(), *vars(picture_errors).values()]
    codes = {error.code for error in known if isinstance(error, type) and hasattr(error, "code")}
    examples = [value["example"] for key, value in parts_of(document["paths"]) if key == "application/problem+json"]

    assert len(examples) > 50
    assert {example["code"] for example in examples} <= codes


def test_references_of_every_form_are_moved() -> None:
    schema = {
        "$id": "https://example.invalid/x",
        "properties": {
            "$ref": {"type": "string"},
            "a": {"$ref": "#/$defs/A[int]"},
            "b": {"$ref": "#"},
            "c": {"$ref": "#/properties/a"},
            "d": {"oneOf": [], "discriminator": {"mapping": {"x": "#/$defs/A[int]"}}},
        },
        "$defs": {"A[int]": {"items": {"$ref": "#/$defs/A[int]"}}},
    }

    assert lift(schema, "m") == {
        "m": {
            "properties": {
                "$ref": {"type": "string"},
                "a": {"$ref": f"{PREFIX}m_A_int_"},
                "b": {"$ref": f"{PREFIX}m"},
                "c": {"$ref": f"{PREFIX}m/properties/a"},
                "d": {"oneOf": [], "discriminator": {"mapping": {"x": f"{PREFIX}m_A_int_"}}},
            }
        },
        "m_A_int_": {"items": {"$ref": f"{PREFIX}m_A_int_"}},
    }


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
async def test_answers_of_batches_are_as_described(several: Several, document: Document, spec: ModelSpec) -> None:
    url, upload = f"/models/{spec.name}", SPEC.example if spec is PAINT else spec.example
    files = [("file", ("a", upload))] * 5 + [("file", ("b", b""))]
    accepted = await several.client.post(f"{url}/batch", files=files)
    batch_id, jobs = accepted.json()["batch_id"], accepted.json()["jobs"]
    ids = [job["inference_id"] for job in jobs]
    await several.served[spec.name].store.put([canceled(ids[0]), expired(ids[1]), failed(ids[2], "bad_answer", "why")])
    read = await several.client.get(f"{url}/batch/{batch_id}")
    stopped = await several.client.post(f"{url}/batch/{batch_id}/cancel")
    results = await several.client.get(f"{url}/results?ids={','.join(ids)},x")

    assert read.json()["counts"] == {"canceled": 1, "expired": 1, "failed": 2, "pending": 2}
    for path, method, status, answer in [
        ("/batch", "post", 202, accepted),
        ("/batch/{batch_id}", "get", 200, read),
        ("/batch/{batch_id}/cancel", "post", 200, stopped),
        ("/results", "get", 200, results),
    ]:
        assert problems_of(answer_schema(document, url + path, method, status), answer.json(), document) == []


def test_a_batch_is_described_by_the_kind_of_input(document: Document) -> None:
    def types_of(model: str) -> set[str]:
        return set(document["paths"][f"/models/{model}/batch"]["post"]["requestBody"]["content"])

    assert types_of("paint") == types_of("voice") == {"multipart/form-data"}
    assert (
        types_of("tree") == types_of("text-2") == {*("multipart/form-data", "application/json", "application/x-ndjson")}
    )
