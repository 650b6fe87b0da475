"""The timeline of a job in its result, with real servers."""

import time

from tests.integration.conftest import System, some_pictures

[PICTURE] = some_pictures(1)


async def test_a_job_that_asked_tells_its_times_in_their_order_to_every_reader(system: System) -> None:
    before_ms = time.time_ns() // 1_000_000
    answered = (await system.client.post("/models/mnist?timeline=true&wait=20", content=PICTURE)).json()
    after_ms = time.time_ns() // 1_000_000
    read = (await system.client.get(f"/models/mnist/result/{answered['inference_id']}")).json()

    *moments, batch_size = answered["timeline"].values()
    assert [before_ms, *moments, after_ms] == sorted([before_ms, *moments, after_ms])
    assert (len(moments), batch_size) == (4, 1)
    assert read == answered


async def test_a_job_that_did_not_ask_has_no_timeline(system: System) -> None:
    answered = (await system.client.post("/models/mnist?wait=20", content=PICTURE)).json()

    assert list(answered) == ["inference_id", "status", "predicted_class", "probabilities", "model"]
