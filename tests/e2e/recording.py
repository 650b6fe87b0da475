"""Records replicas and queue depth over time, during a burst."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from tests.e2e.system import System


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of the system at one moment.

    Attributes:
        s: seconds since the recording began.
        replicas: workers that KEDA asks for.
        ready: ready workers.
        messages: waiting and running jobs by RabbitMQ's management API, which is some seconds late.
        pending: jobs without a result.
        pods: workers that hold a GPU, also starting and draining workers.
    """

    s: float
    replicas: int
    ready: int
    messages: int
    pending: int
    pods: int


@dataclass
class Recording:
    """Takes samples of the system.

    Attributes:
        samples: the samples so far.
        pending: jobs without a result; the caller that submits and fetches updates it.
        marks: the seconds of events, by name.
    """

    system: System
    management_url: str
    samples: list[Sample] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    pending: int = 0

    def __post_init__(self) -> None:
        self._auth = "operator", self.system.read_passwords()["rabbitmq-operator-password"]
        self._started = time.monotonic()

    def read_clock(self) -> float:
        """Return the seconds since the recording began."""
        return round(time.monotonic() - self._started, 2)

    def look(self) -> None:
        """Take a sample."""
        wanted, ready = self.system.count_wanted_workers(), len(self.system.list_running_workers())
        pods = len(self.system.list_paid_workers())
        self.samples.append(Sample(self.read_clock(), wanted, ready, self._count_messages(), self.pending, pods))

    def mark(self, name: str) -> None:
        """Record the time of an event."""
        self.marks[name] = self.read_clock()

    def to_json(self) -> dict[str, Any]:
        """Return the samples and marks for a file."""
        return {"marks": self.marks, "samples": [asdict(sample) for sample in self.samples]}

    def _count_messages(self) -> int:
        url = f"{self.management_url}/api/queues/%2F/mnist.jobs"
        return int(httpx.get(url, auth=self._auth, timeout=10).json()["messages"])
