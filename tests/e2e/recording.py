"""What was seen while a burst was worked off: replicas and queue depth over time."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from tests.e2e.system import System


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the system.

    Attributes:
        s: seconds since the recording began.
        replicas: workers that are asked for.
        ready: workers that are ready.
        messages: jobs that wait or are worked on, as RabbitMQ's management API counts them: some seconds late.
        pending: jobs without a result.
        pods: workers that hold a GPU, starting and leaving ones too.
    """

    s: float
    replicas: int
    ready: int
    messages: int
    pending: int
    pods: int


@dataclass
class Recording:
    """Looks at the system when it is told to.

    Attributes:
        samples: what was seen.
        pending: jobs without a result; whoever submits and fetches keeps it right.
        marks: seconds at which something happened, by its name.
    """

    system: System
    management_url: str
    samples: list[Sample] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    pending: int = 0

    def __post_init__(self) -> None:
        self._auth = "operator", self.system.passwords()["rabbitmq-operator-password"]
        self._started = time.monotonic()

    def now(self) -> float:
        """Return the seconds since the recording began."""
        return round(time.monotonic() - self._started, 2)

    def look(self) -> None:
        """Take a sample."""
        wanted, ready = self.system.workers_wanted(), len(self.system.running_workers())
        pods = len(self.system.paid_workers())
        self.samples.append(Sample(self.now(), wanted, ready, self._messages(), self.pending, pods))

    def mark(self, name: str) -> None:
        """Write down that something has happened."""
        self.marks[name] = self.now()

    def as_json(self) -> dict[str, Any]:
        """Return the samples and marks for a file."""
        return {"marks": self.marks, "samples": [asdict(sample) for sample in self.samples]}

    def _messages(self) -> int:
        url = f"{self.management_url}/api/queues/%2F/mnist.jobs"
        return int(httpx.get(url, auth=self._auth, timeout=10).json()["messages"])
