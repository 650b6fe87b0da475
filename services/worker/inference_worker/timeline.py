"""The timeline of a job: in its result, when what happened to it."""

import json
from dataclasses import replace

from inference_bridge.ids import issued_ms
from inference_bridge.results import Result

_NS_PER_MS = 1_000_000


def with_timeline(result: Result, received_ns: int, *, run_ns: tuple[int, int] | None, batch_size: int) -> Result:
    """Return a result whose body ends with the timeline, in milliseconds since 1970.

    Args:
        result: its body is a JSON object.
        received_ns: when the worker received the job, nanoseconds since 1970.
        run_ns: when the model began and when it had answered; None for a job that did not run.
        batch_size: jobs of the batch that ran.
    """
    timeline = {"accepted_ms": issued_ms(result.inference_id), "received_ms": received_ns // _NS_PER_MS}
    if run_ns is not None:
        started_ms, finished_ms = (moment // _NS_PER_MS for moment in run_ns)
        timeline |= {"started_ms": started_ms, "finished_ms": finished_ms, "batch_size": batch_size}
    text = json.dumps(timeline, separators=(",", ":")).encode()
    return replace(result, body=b'%s,"timeline":%s}' % (result.body[:-1], text))
