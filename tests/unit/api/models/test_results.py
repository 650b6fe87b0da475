"""Results and outputs of several models behind one API."""

import asyncio
from collections.abc import Callable

import pytest

from inference_bridge.results import Result, answered, expired, failed, produced
from mnist_model.spec import SPEC
from tests.support.waiting import until, until_found
from tests.unit.api.several import PAINT, TREE, VOICE, WAV, Several, last_job, serving, some_settings


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
