"""Many inputs in one call, and many results in one call."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference_api.batches import uploads
from inference_api.settings import ApiSettings
from inference_bridge.errors import QueueFull, StoreUnavailable
from inference_bridge.jobs import from_message
from inference_bridge.memory.broker import Message
from inference_bridge.results import Result, canceled, classified, expired, produced
from inference_bridge.settings import GRACE_S
from mnist_model.spec import SPEC
from tests.support.waiting import until
from tests.unit.api.conftest import Service, a_picture
from tests.unit.api.several import PAINT, TEXT, VOICE, Several, serving, some_settings

BATCH = "/models/mnist/batch"
BROKEN = b"not a picture"
JOB_TTL_S = 900


@pytest.fixture
def settings() -> ApiSettings:
    return ApiSettings(port=0, operations_port=0, max_bytes=100_000, max_wait_s=5, queue_max_length=600)


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    async with serving() as api:
        yield api


async def submit(service: Service, pictures: Sequence[bytes], query: str = "", /, **headers: str) -> httpx.Response:
    files = [("file", ("picture.png", picture)) for picture in pictures]
    return await service.client.post(BATCH + query, files=files, headers=headers)


def ids_of(answer: httpx.Response) -> list[str]:
    return [job["inference_id"] for job in answer.json()["jobs"]]


def statuses_of(answer: httpx.Response) -> list[str]:
    return [job["status"] for job in answer.json()["jobs"]]


def queued(service: Service) -> list[str]:
    return [str(message.properties.message_id) for message in service.broker.jobs]


async def read(service: Service, batch_id: str, query: str = "") -> httpx.Response:
    return await service.client.get(f"{BATCH}/{batch_id}{query}")


def a_batch(service: Service, count: int, age_s: float = 0) -> tuple[str, list[str]]:
    batch_id = service.signer.issue_batch(int((time.time() - age_s) * 1000), count)
    return batch_id, service.signer.items_of(batch_id)[1]


async def test_each_item_of_a_batch_is_a_job_that_can_be_read_alone(service: Service) -> None:
    accepted = await submit(service, [a_picture(number) for number in range(3)])
    ids = ids_of(accepted)
    await service.answer(ids[1], 7)

    alone = (await service.client.get(f"/models/mnist/result/{ids[1]}")).json()
    together = await read(service, accepted.json()["batch_id"])

    assert accepted.status_code == 202
    assert accepted.json()["counts"] == {"pending": 3}
    assert accepted.headers["location"] == f"{BATCH}/{accepted.json()['batch_id']}"
    assert accepted.headers["retry-after"] == together.headers["retry-after"] == "1"
    assert sorted(queued(service)) == sorted(ids)
    assert together.json()["counts"] == {"pending": 2, "succeeded": 1}
    assert together.json()["jobs"][1] == alone
    assert alone["predicted_class"] == 7
    assert 'inference_accepted_total{model="mnist"} 3.0' in await service.metrics()


async def test_one_unreadable_item_among_256_fails_alone(service: Service) -> None:
    pictures = [a_picture(number) for number in range(256)]
    pictures[100] = BROKEN

    accepted = await submit(service, pictures)
    failed = accepted.json()["jobs"][100]

    assert accepted.status_code == 202
    assert accepted.json()["counts"] == {"pending": 255, "failed": 1}
    assert failed["error"]["code"] == "unsupported_image"
    assert sorted(queued(service)) == sorted(set(ids_of(accepted)) - {failed["inference_id"]})
    assert (await service.client.get(f"/models/mnist/result/{failed['inference_id']}")).json() == failed


@pytest.mark.parametrize(
    ("item", "code"), [(b"", "unreadable_image"), (bytes(100_001), "image_too_large")], ids=["empty", "too-large"]
)
async def test_an_item_of_a_wrong_size_fails_alone(service: Service, item: bytes, code: str) -> None:
    accepted = await submit(service, [a_picture(), item, a_picture(1)])

    assert accepted.json()["counts"] == {"pending": 2, "failed": 1}
    assert accepted.json()["jobs"][1]["error"]["code"] == code


async def test_the_same_key_gives_the_same_ids_and_one_job_each(service: Service) -> None:
    pictures = [a_picture(number) for number in range(5)]

    answers = [await submit(service, pictures, **{"Idempotency-Key": "one"}) for _ in range(3)]
    other = await submit(service, pictures[:4], **{"Idempotency-Key": "one"})
    single = await service.submit(pictures[0], **{"Idempotency-Key": "one"})
    hurried = await submit(service, pictures, "?ttl=5", **{"Idempotency-Key": "one"})

    assert {answer.status_code for answer in answers} == {202}
    assert [answer.json() for answer in answers[1:]] == [answers[0].json()] * 2
    assert sorted(queued(service)) == sorted(ids_of(answers[0]))
    assert [one.json()["code"] for one in (other, single, hurried)] == ["idempotency_conflict"] * 3


async def test_simultaneous_repetitions_are_one_batch(service: Service) -> None:
    pictures = [a_picture(number) for number in range(5)]

    answers = await asyncio.gather(*(submit(service, pictures, **{"Idempotency-Key": "one"}) for _ in range(4)))

    assert len({answer.json()["batch_id"] for answer in answers}) == 1
    assert len(service.broker.jobs) == 5


async def test_a_queue_that_is_full_in_the_middle_loses_nothing_and_a_repetition_finishes_the_batch(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, put = [a_picture(number) for number in range(256)], service.broker.put
    pictures[200] = BROKEN

    def put_some(message: Message) -> None:
        if len(service.broker.jobs) >= 100:
            raise QueueFull("the queue is full; try again later")
        put(message)

    monkeypatch.setattr(service.broker, "put", put_some)
    refused = await submit(service, pictures, **{"Idempotency-Key": "one"})
    before = queued(service)
    await service.answer(before[0], 7)
    monkeypatch.undo()
    accepted = await submit(service, pictures, **{"Idempotency-Key": "one"})

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert len(before) == 100
    assert set(before) < set(ids_of(accepted))
    assert accepted.json()["counts"] == {"pending": 254, "succeeded": 1, "failed": 1}
    readable = {job["inference_id"] for job in accepted.json()["jobs"] if job["status"] != "failed"}
    assert set(queued(service)) == readable


async def test_a_queue_without_a_place_for_every_item_takes_none(service: Service) -> None:
    for _ in range(2):
        await submit(service, [a_picture()] * 256)

    refused = await submit(service, [a_picture()] * 100)

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert "no place for 100 jobs under 600" in refused.json()["detail"]
    assert len(service.broker.jobs) == 512


async def test_a_store_that_is_away_after_the_publish_does_not_cost_the_ids(service: Service) -> None:
    service.store.is_away = True

    accepted = await submit(service, [a_picture(), a_picture(1)])

    assert (accepted.status_code, accepted.json()["counts"]) == (202, {"pending": 2})


async def test_an_unreadable_item_that_cannot_be_stored_is_a_503(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put(_: Sequence[Result]) -> int:
        raise StoreUnavailable("Redis did not answer; try again later")

    monkeypatch.setattr(service.store, "put", put)

    refused = await submit(service, [a_picture(), BROKEN])

    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")


async def test_a_call_that_waits_is_answered_when_the_last_result_arrives(service: Service) -> None:
    accepted = await submit(service, [a_picture(), a_picture(1), BROKEN])
    ids = ids_of(accepted)
    waiting = asyncio.create_task(read(service, accepted.json()["batch_id"], "?wait=5"))
    await until(lambda: len(service.waiters))
    await service.answer(ids[0])
    await asyncio.sleep(0)
    assert not waiting.done()
    await service.answer(ids[1])

    answer = await asyncio.wait_for(waiting, 3)

    assert answer.json()["counts"] == {"succeeded": 2, "failed": 1}
    assert answer.headers["preference-applied"] == "wait=5"
    assert "retry-after" not in answer.headers
    assert len(service.waiters) == 0


async def test_a_wait_ends_with_the_server(service: Service) -> None:
    accepted = await submit(service, [a_picture()])
    waiting = asyncio.create_task(read(service, accepted.json()["batch_id"], "?wait=5"))
    await until(lambda: len(service.waiters))

    service.waiters.close()

    assert (await asyncio.wait_for(waiting, 3)).json()["counts"] == {"pending": 1}


async def test_a_wait_that_is_over_answers_what_there_is(service: Service) -> None:
    accepted = await submit(service, [a_picture(), a_picture(1)])
    await service.answer(ids_of(accepted)[0])

    answer = await read(service, accepted.json()["batch_id"], "?wait=0.1")

    assert answer.json()["counts"] == {"succeeded": 1, "pending": 1}


async def test_a_canceled_batch_keeps_the_results_that_it_has(service: Service) -> None:
    accepted = await submit(service, [a_picture(), a_picture(1), BROKEN])
    await service.answer(ids_of(accepted)[0])

    for _ in range(2):
        answer = await service.client.post(f"{BATCH}/{accepted.json()['batch_id']}/cancel")
        assert statuses_of(answer) == ["succeeded", "canceled", "failed"]
    assert 'inference_canceled_total{model="mnist"} 1.0' in await service.metrics()


@pytest.mark.parametrize("age_s", [JOB_TTL_S + GRACE_S + 1, JOB_TTL_S + GRACE_S / 2 + 1])
async def test_a_batch_that_is_too_late_for_results_gets_none(service: Service, age_s: float) -> None:
    batch_id, ids = a_batch(service, 2, age_s)
    await service.store.put([classified(ids[0], [0.1] * 10, SPEC)])

    answer = await service.client.post(f"{BATCH}/{batch_id}/cancel")

    assert answer.status_code == 200
    assert await service.store.get(ids[1:]) == [None]


async def test_an_item_without_a_result_is_expired_when_it_is_too_old(service: Service) -> None:
    batch_id, ids = a_batch(service, 3, JOB_TTL_S + GRACE_S + 1)
    await service.answer(ids[0])
    await service.store.reset(ids[2], ttl_s=60)

    assert statuses_of(await read(service, batch_id)) == ["succeeded", "expired", "pending"]


async def test_a_repetition_long_after_still_answers_the_results(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [a_picture(), a_picture(1)]
    accepted = await submit(service, pictures, **{"Idempotency-Key": "one"})
    for inference_id in ids_of(accepted):
        await service.answer(inference_id)
    later = time.time_ns() + (JOB_TTL_S + GRACE_S + 60) * 1_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)

    again = await submit(service, pictures, **{"Idempotency-Key": "one"})

    assert (again.status_code, again.json()["batch_id"]) == (202, accepted.json()["batch_id"])
    assert again.json()["counts"] == {"succeeded": 2}


@pytest.mark.parametrize("call", ["", "/cancel"])
async def test_an_id_that_is_not_of_a_batch_is_unknown(service: Service, call: str) -> None:
    of_a_job = service.signer.issue(int(time.time() * 1000))
    of_another = service.signer.issue_batch(int(time.time() * 1000), 2, "alice")

    for unknown in (of_a_job, of_another, "x", "A" * 24):
        answer = await service.client.request("POST" if call else "GET", f"{BATCH}/{unknown}{call}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_id")
        assert f"use the id from POST {BATCH}" in answer.json()["detail"]


async def test_the_id_of_a_batch_is_not_the_id_of_a_job(service: Service) -> None:
    batch_id, _ = a_batch(service, 2)

    assert (await service.client.get(f"/models/mnist/result/{batch_id}")).status_code == 404


# The body


async def test_a_batch_without_a_file_is_refused(service: Service) -> None:
    answer = await service.client.post(BATCH, files=[("picture", ("picture.png", a_picture()))])

    assert answer.status_code == 400
    assert "0 fields named 'file' (all fields: picture), expected 1 to 256" in answer.json()["detail"]


async def test_a_batch_of_257_is_refused(service: Service) -> None:
    answer = await submit(service, [b"x"] * 257)

    assert answer.status_code == 400
    assert "257 fields named 'file'" in answer.json()["detail"]


async def test_a_batch_with_another_field_is_refused(service: Service) -> None:
    answer = await service.client.post(BATCH, files=[("file", ("a", a_picture())), ("threshold", (None, "1"))])

    assert (answer.status_code, "belong into the URL" in answer.json()["detail"]) == (400, True)


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


async def send(several: Several, model: str, body: object, media_type: str = "application/json") -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": media_type}
    return await several.client.post(f"/models/{model}/batch", content=content, headers=headers)


def bodies(several: Several, model: str) -> list[bytes]:
    return sorted(message.body for message in several.served[model].broker.jobs)


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
        (b"[]", "application/json", "no item or more than 256"),
        (["a"] * 257, "application/json", "no item or more than 256"),
        (b"\n\n", "application/x-ndjson", "no item or more than 256"),
        (b'"a"\n' * 257, "application/x-ndjson", "no item or more than 256"),
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


# Parameters, outputs, limits


async def test_parameters_and_the_ttl_hold_for_every_item(several: Several) -> None:
    query = "?threshold=0.25&ttl=30"
    files = [("file", ("a.wav", b"RIFF\x24\0\0\0WAVEfmt "))] * 3

    answer = await several.client.post(f"/models/voice/batch{query}", files=files)
    wrong = await several.client.post("/models/voice/batch?threshold=2", files=files)

    messages = several.served["voice"].broker.jobs
    jobs = [from_message(message.properties, message.body, VOICE) for message in messages]
    now_ms = time.time() * 1000
    assert answer.status_code == 202
    assert [job.params for job in jobs] == ['{"threshold":0.25}'] * 3
    assert all(0 < job.deadline_ms - now_ms <= 30_000 for job in jobs)
    assert wrong.status_code == 400


async def test_the_links_to_outputs_have_the_prefix_of_the_proxy() -> None:
    async with serving([PAINT], some_settings(path_prefix="/inference")) as several:
        accepted = await several.client.post("/models/paint/batch", files=[("file", ("a", SPEC.example))])
        [inference_id] = ids_of(accepted)
        await several.served["paint"].store.put([produced(inference_id, b"a picture", "image/png", PAINT)])
        url = accepted.headers["location"]
        read = (await several.client.get(url.removeprefix("/inference"))).json()

    assert url.startswith("/inference/models/paint/batch/")
    assert read["jobs"][0]["output"]["href"] == f"/inference/models/paint/result/{inference_id}/output"


async def test_an_unknown_model_is_named(several: Several) -> None:
    for method, path in [("POST", "batch"), ("GET", "batch/x"), ("POST", "batch/x/cancel"), ("GET", "results?ids=x")]:
        answer = await several.client.request(method, f"/models/none/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_model")


# The limits of a client


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Several]:
    path = tmp_path / "keys.toml"
    tables = {"alice": "max_in_flight = 10", "bob": "rate_per_s = 2"}
    path.write_text(
        "".join(
            f'[{name}]\nsha256 = ["{sha256(name.encode()).hexdigest()}"]\n{more}\n' for name, more in tables.items()
        )
    )
    async with serving([TEXT], some_settings(api_keys_file=path)) as api:
        yield api


async def send_as(several: Several, client: str, count: int, **headers: str) -> httpx.Response:
    body = json.dumps([f"text {number}" for number in range(count)])
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {client}", **headers}
    return await several.client.post("/models/text-2/batch", content=body, headers=headers)


async def test_each_item_counts_as_a_job_in_flight(limited: Several) -> None:
    served = limited.served["text-2"]
    first, more = await send_as(limited, "alice", 8), await send_as(limited, "alice", 3)
    await served.store.put([canceled(ids_of(first)[0])])
    await asyncio.sleep(0)
    again = await send_as(limited, "alice", 3)

    assert [answer.status_code for answer in (first, more, again)] == [202, 429, 202]
    assert more.json()["code"] == "too_many_in_flight"
    assert "8 in flight of the 10 jobs it may have, and the batch has 3" in more.json()["detail"]


async def test_a_repetition_needs_no_place_for_jobs_that_are_in_flight(limited: Several) -> None:
    answers = [await send_as(limited, "alice", 8, **{"Idempotency-Key": "one"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202] * 3


async def test_unreadable_items_are_not_in_flight(limited: Several) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer alice"}
    for _ in range(3):
        answer = await limited.client.post("/models/text-2/batch", content=b"[1,2,3,4,5,6,7,8]", headers=headers)
        assert answer.json()["counts"] == {"failed": 8}


async def test_each_item_counts_as_a_submission_per_second(limited: Several) -> None:
    first, second = await send_as(limited, "bob", 6), await send_as(limited, "bob", 1)

    assert (first.status_code, second.status_code) == (202, 429)
    assert int(second.headers["retry-after"]) == 3


async def test_another_client_does_not_know_the_batch(limited: Several) -> None:
    accepted = (await send_as(limited, "alice", 2)).json()
    ids = ",".join(job["inference_id"] for job in accepted["jobs"])
    bob = {"Authorization": "Bearer bob"}

    batch = await limited.client.get(f"/models/text-2/batch/{accepted['batch_id']}", headers=bob)
    results = await limited.client.get(f"/models/text-2/results?ids={ids}", headers=bob)

    assert batch.status_code == 404
    assert [one["status"] for one in results.json()["results"]] == ["unknown"] * 2


# Many results


async def results(service: Service, *ids: str, query: str = "") -> list[dict[str, Any]]:
    answer = await service.client.get(f"/models/mnist/results?ids={','.join(ids)}{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_results_say_the_state_of_each_id_in_order(service: Service) -> None:
    now_ms = int(time.time() * 1000)
    done, waiting, over, foreign, old = (
        service.signer.issue(now_ms),
        service.signer.issue(now_ms),
        service.signer.issue(now_ms),
        service.signer.issue(now_ms, "alice"),
        service.signer.issue(now_ms - (JOB_TTL_S + GRACE_S + 1) * 1000),
    )
    await service.answer(done, 4)
    await service.store.put([expired(over)])

    found = await results(service, foreign, done, waiting, "x%22y", over, old, done)

    assert [one["inference_id"] for one in found] == [foreign, done, waiting, 'x"y', over, old, done]
    assert [one["status"] for one in found] == [
        *("unknown", "succeeded", "pending", "unknown", "expired", "expired", "succeeded")
    ]
    assert found[1]["predicted_class"] == 4


async def test_results_of_unknown_ids_need_no_store(service: Service) -> None:
    service.store.is_away = True

    assert await results(service, "A" * 24) == [{"inference_id": "A" * 24, "status": "unknown"}]


async def test_results_can_be_waited_for(service: Service) -> None:
    inference_id = service.signer.issue(int(time.time() * 1000))
    waiting = asyncio.create_task(results(service, inference_id, query="&wait=5"))
    await until(lambda: len(service.waiters))

    await service.answer(inference_id)

    assert [one["status"] for one in await asyncio.wait_for(waiting, 3)] == ["succeeded"]


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=,,", "?ids=" + ",".join(["x"] * 257)])
async def test_results_need_1_to_256_ids(service: Service, query: str) -> None:
    answer = await service.client.get(f"/models/mnist/results{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_results_are_a_503_while_the_store_is_away(service: Service) -> None:
    service.store.is_away = True

    answer = await service.client.get(f"/models/mnist/results?ids={service.signer.issue(int(time.time() * 1000))}")

    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
