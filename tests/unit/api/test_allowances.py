"""How much a client may submit: its rate, and its jobs in flight."""

import asyncio

import pytest

from inference_api.clients.allowances import READ_COUNT, Allowances
from inference_api.clients.key_file import Client
from inference_api.errors import RateLimited, TooManyInFlight
from inference_bridge.errors import InferenceError, InvalidInput, QueueFull
from inference_bridge.memory.store import MemoryStore
from inference_bridge.results import classified
from mnist_model.spec import SPEC
from tests.support.clock import Clock
from tests.unit.api.conftest import SwitchableStore

JOB_TTL_S = 100.0
IDS = [letter * 24 for letter in "ABCDEFGH"]
STORE = SwitchableStore(result_ttl_s=60)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def allowances(clock: Clock) -> Allowances:
    return Allowances(job_ttl_s=JOB_TTL_S, clock=clock)


def client(name: str = "alice", *, rate_per_s: float | None = None, max_in_flight: int | None = None) -> Client:
    return Client(name=name, sha256=["0" * 64], rate_per_s=rate_per_s, max_in_flight=max_in_flight)


def submit(
    allowances: Allowances,
    who: Client,
    inference_id: str = IDS[0],
    *,
    error: InferenceError | None = None,
    store: MemoryStore = STORE,
) -> None:
    """Submit as the route does; `error` is raised by the publish."""
    with allowances.reserve(who, store) as slot, slot.job(inference_id):
        if error is not None:
            raise error


def accepted_count(allowances: Allowances, who: Client, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            submit(allowances, who)
            count += 1
        except RateLimited:
            pass
    return count


# Rate


def test_a_second_worth_may_come_at_once_and_then_the_rate_holds(allowances: Allowances, clock: Clock) -> None:
    alice = client(rate_per_s=5)

    assert accepted_count(allowances, alice, 20) == 5
    clock.now_s += 0.5
    assert accepted_count(allowances, alice, 20) == 2
    clock.now_s += 60
    assert accepted_count(allowances, alice, 20) == 5


@pytest.mark.parametrize(("rate_per_s", "retry_after_s"), [(0.1, 10), (0.3, 4), (1, 1), (50, 1)])
def test_a_refusal_says_when_there_will_be_a_token(
    allowances: Allowances, clock: Clock, rate_per_s: float, retry_after_s: int
) -> None:
    alice = client(rate_per_s=rate_per_s)
    accepted_count(allowances, alice, 50)

    with pytest.raises(RateLimited, match="alice") as caught:
        submit(allowances, alice)
    clock.now_s += caught.value.retry_after_s

    assert caught.value.retry_after_s == retry_after_s
    submit(allowances, alice)


def test_one_client_does_not_use_up_what_another_may(allowances: Allowances) -> None:
    accepted_count(allowances, client("alice", rate_per_s=1), 5)

    submit(allowances, client("bob", rate_per_s=1))


def test_a_client_without_limits_is_never_refused(allowances: Allowances) -> None:
    assert accepted_count(allowances, client(), 10_000) == 10_000


def test_a_submission_that_is_refused_with_503_costs_no_token(allowances: Allowances) -> None:
    alice = client(rate_per_s=1)
    for _ in range(3):
        with pytest.raises(QueueFull):
            submit(allowances, alice, error=QueueFull("full"))

    submit(allowances, alice)


def test_a_wrong_picture_costs_its_token(allowances: Allowances) -> None:
    alice = client(rate_per_s=1)
    with pytest.raises(InvalidInput):
        submit(allowances, alice, error=InvalidInput("broken"))

    with pytest.raises(RateLimited):
        submit(allowances, alice)


# In flight


def test_a_job_counts_until_its_result_is_announced(allowances: Allowances) -> None:
    alice = client(max_in_flight=2)
    submit(allowances, alice, IDS[0])
    submit(allowances, alice, IDS[1])
    with pytest.raises(
        TooManyInFlight, match="alice has 2 jobs in flight, its limit; wait until one of them has a result"
    ):
        submit(allowances, alice, IDS[2])

    asyncio.run(allowances.on_notification([IDS[0], "of somebody else", IDS[0]], STORE))

    submit(allowances, alice, IDS[2])
    with pytest.raises(TooManyInFlight):
        submit(allowances, alice, IDS[3])


def test_a_job_counts_until_its_time_is_over(allowances: Allowances, clock: Clock) -> None:
    alice = client(max_in_flight=1)
    submit(allowances, alice, IDS[0])
    clock.now_s += JOB_TTL_S - 1
    with pytest.raises(TooManyInFlight):
        submit(allowances, alice, IDS[1])

    clock.now_s += 1

    submit(allowances, alice, IDS[1])


def test_a_result_that_is_announced_before_the_confirm_is_not_counted_for_ever(allowances: Allowances) -> None:
    """A fast worker answers before RabbitMQ has confirmed the job to the API."""
    alice = client(max_in_flight=1)
    with allowances.reserve(alice, STORE) as slot, slot.job(IDS[0]):
        asyncio.run(allowances.on_notification([IDS[0]], STORE))

    submit(allowances, alice, IDS[1])


def test_submissions_under_way_count(allowances: Allowances) -> None:
    alice = client(max_in_flight=1)

    with allowances.reserve(alice, STORE), pytest.raises(TooManyInFlight):
        submit(allowances, alice)

    submit(allowances, alice)


def test_a_call_without_a_new_job_needs_no_place_in_flight(allowances: Allowances) -> None:
    alice = client(max_in_flight=1)
    submit(allowances, alice, IDS[0])

    with allowances.reserve(alice, STORE, job_count=0) as slot:
        with slot.job(IDS[0]):
            pass
        with pytest.raises(TooManyInFlight), slot.job(IDS[1]):
            pass


@pytest.mark.parametrize(
    "error",
    [pytest.param(QueueFull("full"), id="a-full-queue"), pytest.param(InvalidInput("broken"), id="a-broken-picture")],
)
def test_a_submission_that_failed_does_not_count(allowances: Allowances, error: InferenceError) -> None:
    alice = client(max_in_flight=1)
    with pytest.raises(type(error)):
        submit(allowances, alice, error=error)

    submit(allowances, alice)


def test_a_job_that_is_submitted_again_counts_once_even_if_that_fails(allowances: Allowances) -> None:
    alice = client(max_in_flight=2)
    submit(allowances, alice, IDS[0])
    submit(allowances, alice, IDS[0])
    with pytest.raises(QueueFull):
        submit(allowances, alice, IDS[0], error=QueueFull("full"))

    submit(allowances, alice, IDS[1])
    with pytest.raises(TooManyInFlight):
        submit(allowances, alice, IDS[2])


async def test_when_announcements_may_be_missed_the_store_is_asked(allowances: Allowances) -> None:
    store = MemoryStore(result_ttl_s=60)
    many = READ_COUNT + 2
    ids = [f"{number:024}" for number in range(many)]
    alice = client(max_in_flight=many)
    for inference_id in ids:
        submit(allowances, alice, inference_id, store=store)
    await store.put([classified(ids[0], [1.0] + [0.0] * 9, SPEC), classified(ids[-1], [1.0] + [0.0] * 9, SPEC)])

    await allowances.on_notification([], store)

    submit(allowances, alice, IDS[0])
    submit(allowances, alice, IDS[1])
    with pytest.raises(TooManyInFlight):
        submit(allowances, alice, IDS[2])


async def test_a_store_that_is_away_is_asked_again_later(allowances: Allowances) -> None:
    store = SwitchableStore(result_ttl_s=60)
    alice = client(max_in_flight=1)
    submit(allowances, alice, IDS[0], store=store)
    await store.put([classified(IDS[0], [1.0] + [0.0] * 9, SPEC)])
    store.is_away = True
    await allowances.on_notification([], store)
    with pytest.raises(TooManyInFlight):
        submit(allowances, alice, IDS[1])

    store.is_away = False
    await allowances.on_notification([], store)

    submit(allowances, alice, IDS[1])


async def test_jobs_of_other_models_are_not_asked_for(allowances: Allowances) -> None:
    alice = client(max_in_flight=1)
    submit(allowances, alice, IDS[0])
    other = SwitchableStore(result_ttl_s=60)
    await other.put([classified(IDS[0], [1.0] + [0.0] * 9, SPEC)])

    await allowances.on_notification([], other)

    with pytest.raises(TooManyInFlight):
        submit(allowances, alice, IDS[1])
