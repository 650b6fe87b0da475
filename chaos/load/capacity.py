"""How many jobs a second a system does when every client waits for its result before it sends the next picture."""

import asyncio
import time

from chaos.load.load import POST, Client
from chaos.load.workload import Workload
from chaos.system.system import System

CLIENTS = 128


async def capacity_per_s(system: System, workload: Workload, duration_s: float) -> float:
    """Return jobs per second of a closed loop of 128 clients."""
    client = Client(system.api_ports, CLIENTS)
    end = time.perf_counter() + duration_s
    jobs = 0

    async def work(number: int) -> None:
        nonlocal jobs
        while time.perf_counter() < end:
            number = (number + CLIENTS) % len(workload)
            head = POST + b"Prefer: wait=20\r\n"
            answer = await client.request(head, workload.inputs[number])
            jobs += answer.status == 200

    begin = time.perf_counter()
    await asyncio.gather(*map(work, range(CLIENTS)))
    client.close()
    return jobs / (time.perf_counter() - begin)
