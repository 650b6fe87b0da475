"""A thousand broken and hostile pictures against a real API process; `make chaos` sends ten thousand."""

from collections.abc import Iterator

import pytest

from tests.support.deployment import Deployment, Service
from tests.support.hostile.mutations import mutation
from tests.support.hostile.pictures import send_pictures
from tests.support.servers import RabbitMQ, RedisServer

COUNT = 1_000
SEED = 20_261_123
#: The documented statuses for a picture that is sent properly.
EXPECTED = {200, 202, 413, 415, 422}
#: Two threads with a large picture each, and the memory that the allocator keeps of it.
MAX_GROWTH_BYTES = 256 * 1024 * 1024


@pytest.fixture(scope="module")
def api(rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("hostile")
    with Deployment(directory, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        yield deployment.api().wait_until_ready()


@pytest.mark.timeout(300)
def test_no_picture_gets_an_answer_that_is_not_documented(api: Service) -> None:
    outcome = send_pictures(api.url, COUNT, SEED, pid=api.process.pid)

    assert outcome.crashes == []
    assert sum(outcome.statuses.values()) == COUNT
    assert set(outcome.statuses) <= EXPECTED
    assert api.process.exit_status is None
    assert api.is_ready()
    assert outcome.rss_after_bytes - outcome.rss_before_bytes < MAX_GROWTH_BYTES


def test_the_same_seed_gives_the_same_pictures() -> None:
    assert [mutation(7, index) for index in range(200)] == [mutation(7, index) for index in range(200)]
    assert [mutation(7, index) for index in range(200)] != [mutation(8, index) for index in range(200)]
