"""Redis's disk is slow for some seconds while suspects run alone: nobody dies, so nobody may be said to have died."""

import asyncio
import shutil
from pathlib import Path

from tests.chaos.case import Seen
from tests.chaos.durability import Preload
from tests.chaos.endurance import loaded
from tests.chaos.ledger import Ledger
from tests.chaos.levels import ENVIRONMENT, Level
from tests.chaos.recovery import recover
from tests.chaos.system import System
from tests.chaos.workload import Workload

#: Longer than our clients wait for Redis, 2 s, so that it has done what they did not hear of.
SYNC_S = 2.3
SLOW_S = 7.0
FILL_S = 3.0


async def slow_disk(directory: Path, workload: Workload) -> Seen:
    """Make suspects of what the workers hold, by closing their connections, just when the disk becomes slow."""
    if shutil.which("cc") is None:
        raise RuntimeError("a slow disk needs a C compiler; install cc")
    seen, preload = Seen(Ledger(workload)), Preload.build(directory)
    options = {"appendfsync": "always"}
    with System(
        directory, environment=ENVIRONMENT, redis_options=options, redis_environment=preload.environment
    ) as system:
        async with loaded(system, seen.ledger, Level.SATURATED.rate_per_s) as load:
            await asyncio.sleep(FILL_S)
            preload.slow_down(SYNC_S)
            await asyncio.to_thread(system.rabbitmq.control, "close_all_connections", "chaos")
            await asyncio.sleep(SLOW_S)
            preload.speed_up()
            seen.stuck = (await recover(system, load)).stuck
            solo_runs = await asyncio.to_thread(system.solo_run_count)
        seen.expect(not system.supervisor.restarts, f"{system.supervisor.restarts} processes ended")
    seen.finding = f"{solo_runs} solo runs, {len(seen.ledger.wrong)} of them answered `failed`; no process died"
    seen.expect(solo_runs > 0, "no suspect ran alone")
    return seen
