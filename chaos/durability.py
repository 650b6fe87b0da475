"""RabbitMQ and Redis end without warning in the middle of accepted jobs, and start again on the data of the disk."""

import asyncio
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from chaos.load.ledger import Ledger
from chaos.load.load import Load
from chaos.load.workload import Workload
from chaos.system.system import System
from chaos.trial import until_done

JOBS = 2_000
RATE_PER_S = 400.0
KILLED, KILLED_SLOW, CUT = "killed", "killed, slow disk", "power cut"
SETTINGS = ("no", "everysec", "always")
ADVISED = "always"
SLOW_SYNC_S = 0.9
SOURCE = Path(__file__).parent / "system" / "synced.c"


@dataclass(frozen=True, slots=True)
class Loss:
    """The price of one end.

    Attributes:
        appendfsync: Redis's setting.
        end: `killed`: both processes by SIGKILL; `killed, slow disk`: the same, and a sync of Redis takes 0.9 s longer;
            `power cut`: Redis also loses what it had not synced to the disk.
        jobs: accepted.
        lost: of them, without an answer afterwards.
        complaints: events that may never happen.
        date: when, ISO 8601.
    """

    appendfsync: str
    end: str
    jobs: int
    lost: int
    complaints: list[str]
    date: str


async def run_durability(directory: Path, workload: Workload) -> list[Loss]:
    """Measure each setting with each end; where there is no C compiler, only the plain kill."""
    ends = (KILLED, KILLED_SLOW, CUT) if shutil.which("cc") else (KILLED,)
    return [
        await _lose(directory / f"{appendfsync}-{number}", workload, appendfsync, end)
        for appendfsync in SETTINGS
        for number, end in enumerate(ends)
    ]


@dataclass(frozen=True, slots=True)
class Preload:
    """A library that notes how much of each file a server has synced, and makes it wait for its syncs."""

    library: Path
    log: Path
    slow: Path

    @classmethod
    def build(cls, directory: Path) -> "Preload":
        """Compile it."""
        directory.mkdir(parents=True, exist_ok=True)
        library = directory / "synced.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)], check=True)
        return cls(library, directory / "synced.log", directory / "slow")

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that is watched."""
        return {"LD_PRELOAD": str(self.library), "CHAOS_SYNCED": str(self.log), "CHAOS_SLOW": str(self.slow)}

    def slow_down(self, sync_s: float) -> None:
        """Make each sync take `sync_s` longer from now on."""
        self.slow.write_text(f"{sync_s * 1000:.0f}")

    def speed_up(self) -> None:
        """From now on a sync takes as long as it takes."""
        self.slow.unlink(missing_ok=True)

    def cut(self, directory: Path) -> None:
        """Cut every append-only file in a directory to what was synced, as a power cut may."""
        lines = (line.split(" ", 1) for line in self.log.read_text().splitlines())
        synced = {name: length for length, name in lines}
        for file in directory.glob("*.incr.aof"):
            os.truncate(file, int(synced.get(str(file), 0)))


async def _lose(directory: Path, workload: Workload, appendfsync: str, end: str) -> Loss:
    ledger = Ledger(workload.first(JOBS))
    preload = None if end == KILLED else Preload.build(directory)
    redis_environment = preload.environment if preload else {}
    with System(directory, redis_options={"appendfsync": appendfsync}, redis_environment=redis_environment) as system:
        if preload and end == KILLED_SLOW:
            preload.slow_down(SLOW_SYNC_S)
        load = Load(system.api_ports, ledger)
        submitting = asyncio.create_task(load.submit(RATE_PER_S, jobs=JOBS))
        # At a moment in the second that the seed chooses: the syncs of `everysec` have a rhythm of their own.
        await asyncio.sleep(JOBS / RATE_PER_S * 0.5 + Random(len(appendfsync)).random())
        system.rabbitmq.stop(signal.SIGKILL)
        system.redis.stop(signal.SIGKILL)
        if preload:
            preload.speed_up()  # or what has survived would take minutes to be done
            if end == CUT:
                preload.cut(system.redis.directory / "appendonlydir")
        await asyncio.gather(asyncio.to_thread(system.rabbitmq.start), asyncio.to_thread(system.redis.start))
        await submitting
        fetching = asyncio.create_task(load.fetch())
        await until_done(system, load, ledger)
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)
        load.close()
    return Loss(
        appendfsync,
        end,
        len(ledger.accepted),
        len(ledger.pending),
        ledger.complaints,
        datetime.now(UTC).date().isoformat(),
    )
