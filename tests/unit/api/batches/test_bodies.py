"""The bodies of batches: forms, arrays and lines of JSON, and refused bodies."""

import asyncio
import json

import pytest

from inference_api.batches import uploads
from tests.unit.api.batches.calls import (
    BATCH,
    bodies,
    send,
    statuses_of,
    submit,
)
from tests.unit.api.conftest import Service, a_picture
from tests.unit.api.several import PAINT, Several, serving, some_settings


async def test_a_batch_without_a_file_is_refused(service: Service) -> None:
    answer = await service.client.post(BATCH, files=[("picture", ("picture.png", a_picture()))])

    assert answer.status_code == 400
    assert "0 fields named 'file' (all fields: picture), expected 1 to 256; send each input" in answer.json()["detail"]


async def test_a_batch_of_257_is_refused(service: Service) -> None:
    answer = await submit(service, [b"x"] * 257)

    assert answer.status_code == 400
    assert "257 fields named 'file'" in answer.json()["detail"]


async def test_a_batch_with_another_field_is_refused(service: Service) -> None:
    answer = await service.client.post(BATCH, files=[("file", ("a", a_picture())), ("threshold", (None, "1"))])

    assert (answer.status_code, "write parameters in the URL" in answer.json()["detail"]) == (400, True)


async def test_a_batch_over_the_limit_of_bytes_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_api.batches.submit.MAX_BATCH_BYTES", 10_000)

    answer = await submit(service, [bytes(6_000)] * 2)

    assert (answer.status_code, answer.json()["code"]) == (413, "input_too_large")
    assert not service.broker.jobs


async def test_a_batch_counts_in_the_memory_for_arriving_bodies() -> None:
    async with serving([PAINT], some_settings(max_buffered_bytes=200_000)) as several:
        files = [("file", ("a", bytes(50_000)))] * 5
        answer = await several.client.post("/models/paint/batch", files=files)
        waiting = asyncio.create_task(several.client.post("/models/paint/batch", files=files[:3]))
        after = await waiting
        metrics = (await several.operations.get("/metrics")).text

    assert "200000 bytes" in answer.json()["detail"]
    assert after.status_code == 202
    assert "inference_buffered_bytes 0.0" in metrics


async def test_a_raw_picture_is_not_a_batch(service: Service) -> None:
    answer = await service.client.post(BATCH, content=a_picture(), headers={"Content-Type": "image/png"})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_input")
    assert "'image/png'; send form fields named 'file'" in answer.json()["detail"]


async def test_a_batch_without_a_content_type_is_told_so(several: Several) -> None:
    answer = await several.client.post("/models/text-2/batch", content=b'["a"]')

    assert answer.status_code == 415
    assert "the batch has no content-type; send form fields" in answer.json()["detail"]


async def test_texts_come_as_a_json_array(several: Several) -> None:
    answer = await send(several, "text-2", ["grüße", "", 7, "x" * 21, "two\nlines"])

    assert statuses_of(answer) == ["pending", "failed", "failed", "failed", "pending"]
    assert bodies(several, "text-2") == ["grüße".encode(), b"two\nlines"]


async def test_texts_come_as_lines_of_json(several: Several) -> None:
    lines = '"grüße"\r\n"a\\nb"\n\nnaked\n'.encode()

    answer = await send(several, "text-2", lines, "application/x-ndjson")

    assert statuses_of(answer) == ["pending", "pending", "failed", "failed"]
    assert bodies(several, "text-2") == [b"a\nb", "grüße".encode()]


async def test_texts_come_as_form_fields(several: Several) -> None:
    answer = await several.client.post("/models/text-2/batch", files=[("file", ("a", b"naked"))])

    assert statuses_of(answer) == ["pending"]
    assert bodies(several, "text-2") == [b"naked"]


async def test_documents_come_as_a_json_array(several: Several) -> None:
    answer = await send(several, "tree", [{"name": "oak"}, {"name": "far too long"}, [], {"name": "elm", "weight": 2}])

    assert statuses_of(answer) == ["pending", "failed", "failed", "pending"]
    assert [json.loads(body) for body in bodies(several, "tree")] == [{"name": "elm", "weight": 2}, {"name": "oak"}]


async def test_documents_come_as_lines_and_a_broken_line_fails_alone(several: Several) -> None:
    answer = await send(several, "tree", b'{"name": "oak"}\n{"name": "el\n{"name":  "elm"}', "application/jsonl")

    assert statuses_of(answer) == ["pending", "failed", "pending"]
    assert answer.json()["jobs"][1]["error"]["code"] == "invalid_input"
    assert bodies(several, "tree") == [b'{"name":  "elm"}', b'{"name": "oak"}']


@pytest.mark.parametrize(
    ("body", "media_type", "problem"),
    [
        (b"[]", "application/json", "has 0 items, expected 1 to 256"),
        (["a"] * 257, "application/json", "has 257 items, expected 1 to 256"),
        (b"\n\n", "application/x-ndjson", "has 0 items, expected 1 to 256"),
        (b'"a"\n' * 300, "application/x-ndjson", "has 300 items, expected 1 to 256"),
        ({"a": 1}, "application/json", "is not a JSON array"),
        (b'["a"', "application/json", "is not valid JSON"),
        (b"[NaN]", "application/json", "is not valid JSON"),
    ],
)
async def test_a_body_that_is_not_a_batch_is_refused(
    several: Several, body: object, media_type: str, problem: str
) -> None:
    answer = await send(several, "text-2", body, media_type)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert problem in answer.json()["detail"]


async def test_an_array_has_a_lower_limit_than_lines(several: Several, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_ARRAY_BYTES", 1_000)
    texts = ["x" * 20] * 100

    array = await send(several, "text-2", texts)
    lines = await send(several, "text-2", b"\n".join(json.dumps(text).encode() for text in texts), "application/jsonl")

    assert (array.status_code, lines.status_code) == (413, 202)


async def test_an_array_is_not_a_batch_of_files(several: Several) -> None:
    answer = await send(several, "voice", ["a"])

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_input")
