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
        error: of any other; an OSError if the file cannot be read.
    """

    source: Source
    answer: Answer | None = None
    error: ClientError | OSError | None = None


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


def check_in_flight(in_flight: int) -> None:
    """Raise ValueError if it is not a number of jobs that `map` can keep in flight."""
    if in_flight < 1:
        raise ValueError(f"in_flight is {in_flight}, expected 1 or more; leave it out for 64")
