"""A submission that is repeated after an operator has given its job a second life."""

import time

import pytest

from mnist_api.submissions import Submissions
from mnist_bridge.ids import TicketSigner
from mnist_bridge.memory_broker import MemoryBroker
from mnist_bridge.memory_store import MemoryStore
from mnist_bridge.spec import MNIST


@pytest.mark.parametrize(("is_revived", "messages"), [(True, 0), (False, 1)])
async def test_a_late_repetition_does_not_expire_a_revived_job(is_revived: bool, messages: int) -> None:
    broker, store = MemoryBroker(MNIST, queue_max_length=10), MemoryStore(result_ttl_s=3_600)
    signer = TicketSigner(b"a key of sixteen", model=MNIST.name)
    submissions = Submissions(broker.publisher(), store, signer, job_ttl_s=900, result_ttl_s=3_600)
    ticket = submissions.recognise(signer.issue(int(time.time() * 1000) - 910_000))
    if is_revived:
        await store.revive(ticket.inference_id, ttl_s=960)

    await submissions.publish(ticket, bytes(784), traceparent=None)

    assert len(broker.jobs) == messages
