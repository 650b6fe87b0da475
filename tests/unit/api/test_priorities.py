"""`?priority=low` and `?priority=high`: the message, the right to it, and the share of the queue for it."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from inference_bridge.jobs import Job
from tests.unit.api.several import TEXT, Several, serving, some_settings

KEYS = "".join(f'[{name}]\nsha256 = ["{sha256(name.encode()).hexdigest()}"]\n' for name in ("bob", "alice"))


@pytest.fixture
async def open_api() -> AsyncIterator[Several]:
    async with serving([TEXT]) as api:
        yield api


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Several]:
    """Alice may use high priority."""
    path = tmp_path / "keys.toml"
    path.write_text(KEYS + "high_priority = true\n")
    async with serving([TEXT], some_settings(api_keys_file=path)) as api:
        yield api


@pytest.fixture
async def without_right(tmp_path: Path) -> AsyncIterator[Several]:
    path = tmp_path / "keys.toml"
    path.write_text(KEYS)
    async with serving([TEXT], some_settings(api_keys_file=path)) as api:
        yield api


async def send(api: Several, query: str = "", client: str = "bob") -> httpx.Response:
    headers = {"Authorization": f"Bearer {client}"}
    return await api.client.post(f"/models/text-2{query}", content=b"a text", headers=headers)


async def fill(api: Several, count: int) -> None:
    """Put jobs of other processes into the queue, which holds 100."""
    publisher = api.served["text-2"].broker.publisher()
    for number in range(count):
        await publisher.publish(Job(f"{number:024}", b"a text", 0, 2**48))


def priorities(api: Several) -> list[int | None]:
    return [message.properties.priority for message in api.served["text-2"].broker.jobs]


async def test_a_priority_is_that_of_amqp_and_decides_the_order(keyed: Several) -> None:
    answers = [await send(keyed, query, "alice") for query in ("?priority=low", "", "?priority=high")]

    assert [answer.status_code for answer in answers] == [202] * 3
    assert priorities(keyed) == [9, None, 1]


async def test_a_priority_holds_for_every_item_of_a_batch(keyed: Several) -> None:
    files = [("file", ("a", b"a text"))] * 3
    headers = {"Authorization": "Bearer alice"}
    answer = await keyed.client.post("/models/text-2/batch?priority=high", files=files, headers=headers)

    assert answer.status_code == 202
    assert priorities(keyed) == [9] * 3


async def test_the_default_calls_take_a_priority() -> None:
    async with serving([TEXT]) as api:
        answer = await api.client.post("/classify?priority=low", content=b"a text")

        assert answer.status_code == 202
        assert priorities(api) == [1]


@pytest.mark.parametrize("query", ["?priority=urgent", "?priority=", "?priority=HIGH"])
async def test_another_word_is_refused(open_api: Several, query: str) -> None:
    answer = await send(open_api, query)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "expected low or high" in answer.json()["detail"]


async def test_high_needs_the_right_in_the_key_file(keyed: Several) -> None:
    refused, batch = await send(keyed, "?priority=high"), await send(keyed, "/batch?priority=high")

    assert [(one.status_code, one.json()["code"]) for one in (refused, batch)] == [(403, "not_allowed")] * 2
    assert "high_priority = true" in refused.json()["detail"]


async def test_without_a_key_file_nobody_may_use_high(open_api: Several) -> None:
    answers = [await send(open_api, "?priority=high"), await send(open_api, "?priority=low")]

    assert [answer.status_code for answer in answers] == [403, 202]


async def test_low_is_admitted_below_half_of_the_queue(open_api: Several) -> None:
    await fill(open_api, 49)

    answers = [await send(open_api, "?priority=low"), await send(open_api, "?priority=low"), await send(open_api)]

    assert [answer.status_code for answer in answers] == [202, 503, 202]
    assert answers[1].json()["code"] == "queue_full"
    assert "the queue holds 50 jobs, the limit for this priority" in answers[1].json()["detail"]


async def test_a_batch_of_low_must_fit_into_that_half(open_api: Several) -> None:
    files = [("file", ("a", b"a text"))] * 51
    url = "/models/text-2/batch?priority=low"

    too_many, accepted, refused = [await open_api.client.post(url, files=files[:count]) for count in (51, 49, 2)]

    assert (too_many.status_code, accepted.status_code, refused.status_code) == (413, 202, 503)
    assert "the queue holds at most 50, the limit for this priority; send fewer" in too_many.json()["detail"]
    assert "no place for 2 jobs under 50" in refused.json()["detail"]


async def test_a_tenth_of_the_queue_is_for_high_where_a_client_may_use_it(keyed: Several) -> None:
    await fill(keyed, 89)

    answers = [await send(keyed), await send(keyed), await send(keyed, "?priority=high", "alice")]

    assert [answer.status_code for answer in answers] == [202, 503, 202]


async def test_ordinary_jobs_may_fill_the_queue_where_nobody_may_use_high(without_right: Several) -> None:
    await fill(without_right, 99)

    assert (await send(without_right)).status_code == 202


async def test_the_same_key_with_another_priority_is_a_conflict(open_api: Several) -> None:
    headers = {"Idempotency-Key": "one"}
    await open_api.client.post("/models/text-2", content=b"a text", headers=headers)

    again = await open_api.client.post("/models/text-2?priority=low", content=b"a text", headers=headers)

    assert (again.status_code, again.json()["code"]) == (422, "idempotency_conflict")
