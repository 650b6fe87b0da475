from inference_bridge.kinds import File
from inference_bridge.rabbitmq.topology import Queue, topology_for
from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC
from tests.support.specs import ANSWER

TOPOLOGY = topology_for(SPEC, queue_max_length=10)


def test_every_queue_is_a_quorum_queue() -> None:
    assert {queue.arguments["x-queue-type"] for queue in TOPOLOGY.queues} == {"quorum"}


def test_the_names_carry_the_model() -> None:
    assert [queue.name for queue in TOPOLOGY.queues] == ["mnist.dead", "mnist.retry", "mnist.jobs"]


def test_a_rejected_message_moves_from_jobs_to_retry_to_dead() -> None:
    def target(queue: Queue) -> tuple[str, str]:
        return queue.arguments["x-dead-letter-exchange"], queue.arguments["x-dead-letter-routing-key"]

    assert target(TOPOLOGY.jobs) == (TOPOLOGY.retry.exchange, TOPOLOGY.retry.routing_key)
    assert target(TOPOLOGY.retry) == (TOPOLOGY.dead.exchange, TOPOLOGY.dead.routing_key)


def test_who_may_publish_jobs_may_not_publish_dead_letters() -> None:
    assert TOPOLOGY.jobs.exchange != TOPOLOGY.retry.exchange == TOPOLOGY.dead.exchange


def test_dead_lettering_is_at_least_once() -> None:
    # It falls back to at-most-once without a word when the overflow is another one.
    for queue in (TOPOLOGY.jobs, TOPOLOGY.retry):
        assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
        assert queue.arguments["x-overflow"] == "reject-publish"


def test_retry_lets_more_deliveries_pass_than_jobs() -> None:
    assert TOPOLOGY.retry.arguments["x-delivery-limit"] > TOPOLOGY.jobs.arguments["x-delivery-limit"]


def test_dead_letters_outlive_any_number_of_looks() -> None:
    # RabbitMQ 4 deletes after 20 deliveries what names no limit, and a dead letter has nowhere to go from there.
    assert TOPOLOGY.dead.arguments["x-delivery-limit"] >= 1_000_000


def test_a_queue_of_large_jobs_is_shorter() -> None:
    files = ModelSpec("files", 1, takes=File(("audio/wav",), 1_048_576), answers=ANSWER)

    topology = topology_for(files, queue_max_length=100_000)

    assert (topology.jobs.max_length, topology.dead.max_length) == (4_096, 4_096)
    assert TOPOLOGY.jobs.max_length == 10


def test_each_version_has_its_own_queues_and_routing_key() -> None:
    second = topology_for(ModelSpec("voice", 2, takes=SPEC.takes, answers=ANSWER), queue_max_length=10)

    assert (second.jobs.name, second.routing_key) == ("voice.v2.jobs", "voice.v2")
