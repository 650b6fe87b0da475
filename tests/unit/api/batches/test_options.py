"""Parameters and links of a batch."""

import time

from inference_bridge.jobs import from_message
from inference_bridge.results import produced
from mnist_model.spec import SPEC
from tests.unit.api.batches.calls import ids_of
from tests.unit.api.several import PAINT, VOICE, Several, serving, some_settings


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
