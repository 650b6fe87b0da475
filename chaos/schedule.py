"""The faults in the order of the report, and how they are mixed."""

import asyncio
from collections.abc import Sequence
from random import Random

from chaos import faults
from chaos.faults import Fault, Injection
from chaos.system.system import System

RECOVERY_TIMEOUT_S = 60.0
LIMIT_S = 10.0
SHORTEST_SHARE, LONGEST_SHARE = 0.5, 2.0

FAULTS = (
    Fault("none", "nothing (for comparison)", faults.nothing),
    Fault("worker-killed", "a worker killed (SIGKILL) every 2 s", faults.worker_killed, kills_workers=True),
    Fault("worker-stopped", "workers stopped (SIGTERM), rolling", faults.worker_stopped),
    Fault("worker-frozen", "a worker frozen (SIGSTOP) for 30 s", faults.worker_frozen, 30),
    Fault("api-killed", "an API process killed (SIGKILL) every 6 s", faults.api_killed),
    Fault("api-stopped", "API processes stopped (SIGTERM), rolling", faults.api_stopped),
    Fault("broker-killed", "RabbitMQ killed (SIGKILL), back after 3 s", faults.broker_killed, 3),
    Fault("broker-frozen", "RabbitMQ frozen (SIGSTOP) for 10 s", faults.broker_frozen, 10),
    Fault("broker-memory", "RabbitMQ's memory alarm for 8 s", faults.broker_short_of_memory, 8),
    Fault("broker-disk", "RabbitMQ's disk alarm for 8 s", faults.broker_short_of_disk, 8),
    Fault(
        "broker-disk-full",
        "RabbitMQ's disk full for 8 s, then RabbitMQ restarted",
        faults.broker_disk_full,
        8,
        needs_small_disk=True,
        note="the log of RabbitMQ 3.10's quorum queues ends when the disk is full, and does not come back by itself "
        "when there is space again; let its disk alarm (`disk_free_limit`) ring well before",
    ),
    Fault(
        "queue-full",
        "the queue full: no worker answers for 8 s",
        faults.queue_full,
        8,
        environment={"INFERENCE_QUEUE_MAX_LENGTH": faults.SMALL_QUEUE},
    ),
    Fault(
        "queue-deleted",
        "the jobs queue deleted while jobs wait in it",
        faults.queue_deleted,
        4,
        expected="the messages in a queue that an operator deletes are deleted with it",
    ),
    Fault("consumer-canceled", "a consumer canceled: the retry queue deleted", faults.consumer_canceled),
    Fault("connections-closed", "all connections closed by RabbitMQ, repeatedly", faults.connections_closed),
    Fault("store-killed", "Redis killed (SIGKILL), back after 3 s", faults.store_killed, 3),
    Fault("store-frozen", "Redis frozen (SIGSTOP) for 10 s", faults.store_frozen, 10),
    Fault("store-memory", "Redis out of memory (noeviction) for 8 s", faults.store_out_of_memory, 8),
    Fault(
        "store-errors",
        "one Redis command in ten fails",
        faults.nothing,
        is_proxied=True,
        garbled_share=faults.GARBLED_SHARE,
    ),
    Fault("network-cut", "connections cut every 2 s", faults.connections_cut, is_proxied=True),
    Fault("network-slow", "everything 200 ms late", faults.connections_delayed, is_proxied=True),
    Fault("network-silent", "half-open connections for 10 s", faults.connections_half_open, 10, is_proxied=True),
    Fault("clock-api", "the clock of one API process 5 min ahead", faults.nothing, skew_s=(faults.SKEW_S, 0)),
    Fault("clock-worker", "the clock of one worker 5 min ahead", faults.nothing, skew_s=(0, faults.SKEW_S)),
    # A model of its own kind: files in, JSON out, decoded in threads of the worker.
    Fault(
        "voice-worker-killed",
        "voice: a worker killed (SIGKILL) every 2 s",
        faults.worker_killed,
        kills_workers=True,
        model="voice",
    ),
    Fault("voice-broker-killed", "voice: RabbitMQ killed, back after 3 s", faults.broker_killed, 3, model="voice"),
    Fault("voice-store-killed", "voice: Redis killed, back after 3 s", faults.store_killed, 3, model="voice"),
)

#: Seconds that each takes when they are mixed, more or less: the seed draws a length of half to twice as much.
MIXED_S: dict[Injection, float] = {
    faults.worker_killed: 1.0,
    faults.worker_stopped: 1.0,
    faults.worker_frozen: 4.0,
    faults.api_killed: 1.0,
    faults.api_stopped: 1.0,
    faults.broker_killed: 2.0,
    faults.broker_frozen: 4.0,
    faults.broker_short_of_memory: 3.0,
    faults.connections_closed: 1.0,
    faults.store_killed: 1.0,
    faults.store_frozen: 3.0,
    faults.store_out_of_memory: 3.0,
    faults.connections_cut: 3.0,
    faults.connections_delayed: 4.0,
    faults.connections_half_open: 6.0,
}


def mixed(rounds: int, seed: int) -> Fault:
    """Return all faults mixed at random: each `rounds` times, the next as soon as the last was recovered from."""
    order = list(MIXED_S) * rounds
    Random(seed).shuffle(order)
    return _sequence("mixed", f"all mixed at random, {len(order)} faults of any length", order, seed)


def quick(seed: int) -> Fault:
    """Return a few faults of different kinds and lengths in random order, for every run of the tests."""
    order = [
        faults.worker_killed,
        faults.api_killed,
        faults.broker_killed,
        faults.broker_frozen,
        faults.store_killed,
        faults.connections_half_open,
    ]
    Random(seed).shuffle(order)
    return _sequence("quick", "one of each kind", order, seed)


def with_lengths(order: Sequence[Injection], seed: int) -> list[tuple[Injection, float]]:
    """Return each fault with a length in seconds, drawn from around its usual one."""
    generator = Random(seed)
    return [
        (injection, round(MIXED_S[injection] * generator.uniform(SHORTEST_SHARE, LONGEST_SHARE), 1))
        for injection in order
    ]


def _sequence(name: str, title: str, order: Sequence[Injection], seed: int) -> Fault:
    steps = with_lengths(order, seed)

    async def inject(system: System, _: float, generator: Random) -> None:
        for injection, length_s in steps:
            await injection(system, length_s, generator)
            await system.until_healthy(RECOVERY_TIMEOUT_S)

    duration_s = sum(length_s + 3 for _, length_s in steps)
    return Fault(name, title, inject, duration_s, is_proxied=True)


async def worst_recovery_s(fault: Fault, system: System, generator: Random) -> float:
    """Inject the fault; return the longest time until everything was healthy again."""
    system.recoveries_s.clear()
    await asyncio.sleep(1)
    await fault.inject(system, fault.duration_s, generator)
    await system.until_healthy(RECOVERY_TIMEOUT_S)
    return max(system.recoveries_s)
