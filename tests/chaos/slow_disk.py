"""Redis's disk is slow for some seconds while suspects run alone: nobody dies, so nobody may be said to have died."""

import asyncio
import shutil
from itertools import cycle, islice
from pathlib import Path

from tests.chaos.case import Seen
from tests.chaos.durability import Preload
from tests.chaos.endurance import loaded
from tests.chaos.ledger import Ledger
from tests.chaos.recovery import recover
from tests.chaos.system import System
from tests.chaos.workload import Workload

SETTINGS = {"MNIST_MODEL": "tests.chaos.slow_model:SlowerClassifier"}
#: Longer than our clients wait for Redis, 2 s, so that it has done what they did not hear of.
SYNC_S = 2.3
SLOW_S = 10.0
#: Two seconds of work for two workers.
BURST = 100


async def slow_disk(directory: Path, workload: Workload) -> Seen:
    """Make suspects of what the workers hold, by cutting their connections, just when the disk becomes slow."""
    if shutil.which("cc") is None:
        raise RuntimeError("a slow disk needs a C compiler; install cc")
    seen, preload = Seen(Ledger(workload)), Preload.build(directory)
    with System(
        directory,
        environment=SETTINGS,
        redis_options={"appendfsync": "always"},
        redis_environment=preload.environment,
        is_proxied=True,
    ) as system:
        async with loaded(system, seen.ledger, 0) as load:
            ports = islice(cycle(system.api_ports), BURST)
            await asyncio.gather(*(load.offer_one(number, port) for number, port in enumerate(ports)))
            preload.slow_down(SYNC_S)
            system.amqp_proxy.cut()
            await asyncio.sleep(SLOW_S)
            preload.speed_up()
            seen.stuck = (await recover(system, load)).stuck
        solo_runs = await asyncio.to_thread(system.solo_run_count)
        seen.expect(not system.supervisor.restarts, f"{system.supervisor.restarts} processes ended")
    seen.finding = f"{solo_runs} solo runs, {len(seen.ledger.wrong)} jobs answered `failed`"
    seen.expect(solo_runs > 0, "no suspect ran alone")
    return seen
