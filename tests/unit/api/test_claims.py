"""A repeated `Idempotency-Key` is one job, and a claim whose job was never accepted is given up in time."""

import asyncio
import time
from hashlib import sha256

import pytest

from inference_api import submissions as submissions_module
from inference_api.clients import claims
from inference_api.clients.claims import Claims
from inference_api.errors import ExpiredId, IdempotencyConflict
from inference_api.submissions import Submissions, Ticket
from inference_bridge.errors import BrokerUnavailable, StoreUnavailable
from inference_bridge.ids import TicketSigner
from inference_bridge.memory.broker import MemoryBroker
from inference_bridge.memory.store import MemoryStore
from inference_bridge.results import classified, expired
from mnist_model.spec import SPEC
from tests.support.waiting import until
from tests.unit.api.conftest import TIMEOUT_S

JOB_TTL_S = 900
KEY, DIGEST = "order-1", sha256(b"a picture").hexdigest()
SIGNER = TicketSigner(b"a key of sixteen", model=SPEC.name)


class ForgetfulStore(MemoryStore):
    """A store that answers no change of a claim while `is_away`."""

    is_away = False
    is_marked = False

    async def replace_claim(self, key: str, held: bytes, value: bytes, *, ttl_s: int) -> bytes:
        if self.is_away:
            raise StoreUnavailable("Redis did not answer; try again later")
        self.is_marked = True
        return await super().replace_claim(key, held, value, ttl_s=ttl_s)


class Process:
    """The part of one API process: its claims on a store that others may share, and the ids that it has published."""

    def __init__(self, store: MemoryStore) -> None:
        self.published: list[str] = []
        self.may_confirm = asyncio.Event()
        self.may_confirm.set()
        self.is_refused = False
        publisher = MemoryBroker(SPEC, queue_max_length=10).publisher()
        self._claims = Claims(
            store, Submissions(publisher, store, SIGNER, SPEC, job_ttl_s=JOB_TTL_S), ttl_s=3_600, noun="picture"
        )

    async def submit(self, digest: str = DIGEST) -> str:
        """Submit under the key; return the id."""
        return (await self._claims.submit(KEY, digest, "", self._publish)).inference_id

    async def until_publishing(self, count: int = 1) -> None:
        """Return when `count` jobs were handed to the broker."""
        await until(lambda: len(self.published) >= count, every_s=0)

    async def _publish(self, ticket: Ticket) -> None:
        self.published.append(ticket.inference_id)
        await self.may_confirm.wait()
        if self.is_refused:
            raise BrokerUnavailable("RabbitMQ did not confirm the job; try again later")


class Wall:
    """Stands in for the module `time`: the time of day, which goes only when a test says so."""

    def __init__(self) -> None:
        self.now_ms = time.time_ns() // 1_000_000

    def time_ns(self) -> int:
        return self.now_ms * 1_000_000


@pytest.fixture(autouse=True)
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(submissions_module, "time", wall)
    return wall


@pytest.fixture
def store() -> ForgetfulStore:
    return ForgetfulStore(result_ttl_s=3_600)


@pytest.fixture
def process(store: ForgetfulStore) -> Process:
    return Process(store)


async def test_a_repetition_of_an_accepted_submission_publishes_nothing(process: Process) -> None:
    ids = {await process.submit() for _ in range(10)}

    assert [*ids] == process.published


async def test_repetitions_at_the_same_time_join_the_one_under_way(process: Process) -> None:
    process.may_confirm.clear()
    submitting = [asyncio.create_task(process.submit()) for _ in range(10)]
    await process.until_publishing()
    submitting += [asyncio.create_task(process.submit()) for _ in range(10)]
    await asyncio.sleep(0)
    process.may_confirm.set()

    ids = await asyncio.gather(*submitting)

    assert ids == process.published * 20


async def test_the_first_caller_that_leaves_takes_nobody_with_it(process: Process) -> None:
    process.may_confirm.clear()
    first = asyncio.create_task(process.submit())
    await process.until_publishing()
    second = asyncio.create_task(process.submit())
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.wait([first])
    process.may_confirm.set()

    assert await asyncio.wait_for(second, TIMEOUT_S) == process.published[0]


async def test_two_processes_at_the_same_time_end_up_with_one_id(store: ForgetfulStore) -> None:
    processes = [Process(store), Process(store)]

    ids = await asyncio.gather(*(process.submit() for process in processes for _ in range(5)))

    assert len(set(ids)) == 1
    assert all(len(process.published) <= 1 for process in processes)


async def test_a_mark_that_fails_costs_a_message_and_no_answer(process: Process, store: ForgetfulStore) -> None:
    store.is_away = True
    first = await process.submit()
    store.is_away = False

    again = [await process.submit() for _ in range(3)]

    assert again == [first] * 3
    assert process.published == [first] * 2


async def test_a_mark_that_failed_is_made_when_the_store_is_back(
    process: Process, store: ForgetfulStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "MARK_PAUSE_S", 0.01)
    store.is_away = True
    first = await process.submit()
    store.is_away = False

    await until(lambda: store.is_marked)

    assert await process.submit() == first
    assert process.published == [first]


async def test_a_finished_job_whose_mark_failed_is_not_published_again(process: Process, store: ForgetfulStore) -> None:
    store.is_away = True
    first = await process.submit()
    await store.put([classified(first, [1.0] + [0.0] * 9, SPEC)])

    assert await process.submit() == first
    assert process.published == [first]


async def test_another_picture_is_a_conflict_whatever_is_under_way(process: Process) -> None:
    process.may_confirm.clear()
    first = asyncio.create_task(process.submit())
    await process.until_publishing()

    with pytest.raises(IdempotencyConflict):
        await process.submit(sha256(b"another picture").hexdigest())

    process.may_confirm.set()
    assert await first == process.published[0]


async def refused(process: Process) -> None:
    process.is_refused = True
    with pytest.raises(BrokerUnavailable):
        await process.submit()
    process.is_refused = False


@pytest.mark.parametrize(("age_s", "is_same_id"), [(0, True), (449, True), (450, False), (899, False), (930, False)])
async def test_a_submission_that_was_refused_is_tried_again_with_time_to_run(
    process: Process, wall: Wall, age_s: int, is_same_id: bool
) -> None:
    await refused(process)
    wall.now_ms += age_s * 1_000

    inference_id = await process.submit()

    assert (inference_id == process.published[0]) is is_same_id
    assert wall.now_ms - SIGNER.issued_at_ms(inference_id) <= JOB_TTL_S * 1_000 // 2
    assert await process.submit() == inference_id
    assert len(process.published) == 2


async def test_a_job_that_ran_out_of_time_unaccepted_is_given_up(
    process: Process, store: ForgetfulStore, wall: Wall
) -> None:
    await refused(process)
    await store.put([expired(process.published[0])])  # the broker had it all the same
    wall.now_ms += 910_000

    assert await process.submit() != process.published[0]


async def test_two_processes_that_give_up_a_claim_agree_on_one_id(store: ForgetfulStore, wall: Wall) -> None:
    processes = [Process(store), Process(store)]
    await refused(processes[0])
    wall.now_ms += 910_000

    ids = await asyncio.gather(*(process.submit() for process in processes))

    assert len(set(ids)) == 1
    assert ids[0] != processes[0].published[0]


async def test_a_claim_that_another_process_gave_up_meanwhile_is_not_answered(
    store: ForgetfulStore, wall: Wall
) -> None:
    slow, quick = Process(store), Process(store)
    await refused(slow)
    slow.may_confirm.clear()
    submitting = asyncio.create_task(slow.submit())
    await slow.until_publishing(2)
    wall.now_ms += 910_000

    other_id = await quick.submit()
    slow.may_confirm.set()

    assert await asyncio.wait_for(submitting, TIMEOUT_S) == other_id
    assert slow.published == [slow.published[0]] * 2


@pytest.mark.parametrize("age_s", [910, 961])
async def test_an_accepted_job_that_is_over_stays_over(
    process: Process, store: ForgetfulStore, wall: Wall, age_s: int
) -> None:
    first = await process.submit()
    wall.now_ms += age_s * 1_000
    if age_s == 910:
        await store.put([expired(first)])

    with pytest.raises(ExpiredId):
        await process.submit()

    assert process.published == [first]


@pytest.mark.parametrize("is_marked", [True, False])
async def test_a_late_repetition_does_not_expire_a_revived_job(
    process: Process, store: ForgetfulStore, wall: Wall, is_marked: bool
) -> None:
    store.is_away = not is_marked
    first = await process.submit()
    store.is_away = False
    wall.now_ms += 1_000_000
    await store.reset(first, ttl_s=960)

    assert await process.submit() == first
    assert process.published == [first]
