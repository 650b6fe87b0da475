import pytest

from inference_bridge.errors import QueueFull
from inference_bridge.jobs import Job
from inference_bridge.settings import BridgeSettings
from inference_bridge.wiring import build_memory, build_registry, build_topology
from mnist_model.spec import SPEC

SETTINGS = BridgeSettings(model="mnist_model.spec:SPEC", queue_max_length=1)


def test_the_queue_is_as_long_as_the_settings_say() -> None:
    assert build_topology(SETTINGS, SPEC).jobs.max_length == 1


async def test_the_queue_in_memory_is_as_long_as_the_settings_say() -> None:
    broker, _ = build_memory(SETTINGS, SPEC)
    publisher = broker.publisher()
    await publisher.publish(Job("A" * 24, bytes(784), submitted_s=1, deadline_ms=2_000))

    with pytest.raises(QueueFull):
        publisher.check_headroom()


def test_a_registry_has_the_metrics_of_the_process_and_of_python() -> None:
    names = {metric.name for metric in build_registry().collect()}

    assert {"process_resident_memory_bytes", "python_info"} <= names
