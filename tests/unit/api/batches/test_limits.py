"""Each item of a batch counts towards the limits of its client."""

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from inference_bridge.results import canceled
from tests.unit.api.batches.calls import (
    ids_of,
)
from tests.unit.api.several import TEXT, Several, serving, some_settings


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
    assert "8 jobs in flight of at most 10, and the batch has 3" in more.json()["detail"]


async def test_a_repetition_needs_no_place_for_jobs_that_are_in_flight(limited: Several) -> None:
    answers = [await send_as(limited, "alice", 8, **{"Idempotency-Key": "one"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202] * 3


async def test_a_repetition_is_answered_while_its_jobs_take_every_place(limited: Several) -> None:
    first, again = [await send_as(limited, "alice", 10, **{"Idempotency-Key": "one"}) for _ in range(2)]

    assert (again.status_code, again.json()) == (202, first.json())


async def test_a_batch_that_never_fits_under_the_limit_of_its_client_is_too_large(limited: Several) -> None:
    answer = await send_as(limited, "alice", 11)

    assert (answer.status_code, answer.json()["code"]) == (413, "input_too_large")
    assert answer.json()["detail"] == (
        "the batch has 11 jobs, but client alice may have at most 10 in flight; send fewer"
    )
    assert len(limited.served["text-2"].broker.jobs) == 0


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
