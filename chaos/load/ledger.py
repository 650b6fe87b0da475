"""The accepted submissions and their answers: the evidence on which a run is judged."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chaos.load.workload import Workload
from tests.support.client import Answer

REFUSALS = {429, 503}
MAX_KEPT_COMPLAINTS = 20


@dataclass(slots=True)
class Ledger:
    """Ids with their inputs and results.

    Attributes:
        workload: the inputs.
        accepted: number of the input by id, of everything that was answered with 202 (or 200, at once).
        results: the body of the first terminal answer by id.
        statuses: HTTP answers by status.
        unreachable: connections that were refused since an API process was gone.
        broken_connections: requests that were sent and got no answer.
        complaints: events that may never happen, one sentence each; the first of them.
        wrong: ids whose answer is not the model's.
        contradicting: ids that were answered in two ways.
    """

    workload: Workload
    accepted: dict[str, int] = field(default_factory=dict)
    results: dict[str, bytes] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    unreachable: int = 0
    broken_connections: int = 0
    complaint_count: int = 0
    complaints: list[str] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    contradicting: set[str] = field(default_factory=set)

    @property
    def pending(self) -> list[str]:
        """Ids without a result."""
        return [inference_id for inference_id in self.accepted if inference_id not in self.results]

    def complain(self, sentence: str) -> None:
        """Note what may never happen."""
        self.complaint_count += 1
        if len(self.complaints) < MAX_KEPT_COMPLAINTS:
            self.complaints.append(sentence)

    def note(self, answer: Answer, *, expected: set[int]) -> None:
        """Note an answer's status, and whether it may be one."""
        self.statuses[answer.status] += 1
        if answer.status in REFUSALS:
            if answer.header("retry-after") is None:
                self.complain(f"{answer.status} without Retry-After: {answer.body!r}")
        elif answer.status not in expected:
            self.complain(f"{answer.status}: {answer.body!r}")

    def accept(self, inference_id: str, number: int) -> None:
        """Note an id that a client was given."""
        if inference_id in self.accepted:
            self.complain(f"id {inference_id} was given out twice")
        self.accepted[inference_id] = number

    def settle(self, inference_id: str, body: bytes) -> bool:
        """Note what a result was answered to be; return whether it is terminal."""
        result = json.loads(body)
        if result["status"] == "pending":
            if inference_id in self.results:
                self.contradicting.add(inference_id)
            return False
        if self.results.setdefault(inference_id, body) != body:
            self.contradicting.add(inference_id)
        elif not self._is_right(inference_id, result):
            self.wrong.add(inference_id)
            self.complain(f"{inference_id} was answered {body!r}")
        return True

    def _is_right(self, inference_id: str, result: dict[str, Any]) -> bool:
        if result["inference_id"] != inference_id or result["status"] != "succeeded":
            return False
        return self.workload.is_right(self.accepted[inference_id], result)
