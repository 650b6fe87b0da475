"""The OpenAPI description of liveness and readiness, which need no key."""

from typing import Any

from inference_api.openapi.answers import answer
from inference_api.openapi.schemas import one_of


def _probe(call: str, summary: str, well: dict[str, Any], failed: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": well, "503": failed}
    operation = {"summary": summary, "operationId": call, "tags": ["operation"], "responses": responses}
    return {"get": {**operation, "security": []}}


_STATE = one_of("Readiness")
_ALIVE = answer("Alive", {"type": "string"}, "text/plain")
_FAILED = answer("A background task has failed; the process is about to end", {"type": "string"}, "text/plain")
_ALIVE_IF = "Liveness: the process answers, and none of its background tasks has failed"
_READY_IF = "Readiness: RabbitMQ takes jobs and Redis answers as a master"
_SERVING_IF = "For load balancers: the process can answer some calls, with RabbitMQ or Redis alone too"

#: The path items of the probes.
PROBES = {
    "/healthz": _probe("healthz", _ALIVE_IF, _ALIVE, _FAILED),
    "/readyz": _probe("readyz", _READY_IF, answer("Ready", _STATE), answer("Not ready", _STATE)),
    "/serving": _probe("serving", _SERVING_IF, answer("Serving", _STATE), answer("No call should come here", _STATE)),
}
