"""The answer of the service, and the end of one input of many."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference_client.errors import ClientError, ExpiredJob, JobCanceled, JobFailed

#: The body of a result, as the service documents it: `inference_id`, `status`, and the fields of the model's answer.
Answer = dict[str, Any]
#: An input: the path of a file, or its bytes.
Source = str | Path | bytes
#: The values that a parameter of a model may have.
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one input of many: its answer or its error.

    Attributes:
        source: the input, as it was given.
        answer: of a job that succeeded.
        error: of any other.
    """

    source: Source
    answer: Answer | None = None
    error: ClientError | None = None


def check_answer(answer: Answer) -> Answer:
    """Return the answer of a job that succeeded; raise JobFailed, JobCanceled or ExpiredJob for any other."""
    match answer["status"]:
        case "failed":
            raise JobFailed(answer)
        case "canceled":
            raise JobCanceled(f"job {answer['inference_id']} was canceled")
        case "expired":
            raise ExpiredJob(410, "expired_id", f"job {answer['inference_id']} has expired; submit its input again")
    return answer
