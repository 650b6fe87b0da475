"""The errors of the client, as one tree.

ClientError
├── Refused            the service refused the call; the same call would be refused again
│   ├── UnknownJob     the service did not issue this id, or to another key
│   └── ExpiredJob     the job has no result any more, or its deadline passed
├── Unavailable        no answer in time; a later try may succeed
├── WaitTimeout        the job has no result yet; also a TimeoutError
├── JobFailed          the model cannot answer this input
├── JobCanceled        the job was canceled
└── InvalidWebhook     a delivery is not from the service, or it is old
"""

from typing import Any


class ClientError(Exception):
    """Base of every error that this package raises on purpose."""


class Refused(ClientError):
    """Raised when the service refuses a call.

    Attributes:
        status: of HTTP, such as 422.
        code: the stable name of the problem, such as `invalid_request`.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


class UnknownJob(Refused):
    """Raised when the service did not issue an id, or issued it to another key."""


class ExpiredJob(Refused):
    """Raised when the result of a job no longer exists, or its deadline passed before it ran."""


class Unavailable(ClientError):
    """Raised when the service gives no answer in time.

    Attributes:
        idempotency_key: of a submission; the same input with this key gets the same id, also if it was accepted.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.idempotency_key: str | None = None


class WaitTimeout(ClientError, TimeoutError):
    """Raised when a job has no result at the end of a wait; the job goes on, unless the wait canceled it.

    Attributes:
        inference_id: the id of the job; `client.job(id)` waits again.
    """

    def __init__(self, inference_id: str, timeout_s: float, advice: str) -> None:
        super().__init__(f"job {inference_id} has no result after {timeout_s:g} s; {advice}")
        self.inference_id = inference_id


class JobFailed(ClientError):
    """Raised when a job ended without an answer.

    Attributes:
        code: the stable name of the reason, such as `invalid_input`.
        answer: the whole body of the result.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        error = answer["error"]
        super().__init__(f"job {answer['inference_id']} failed with {error['code']}: {error['message']}")
        self.code: str = error["code"]
        self.answer = answer


class JobCanceled(ClientError):
    """Raised when a job was canceled before it had a result."""


class InvalidWebhook(ClientError):
    """Raised when a delivery is not signed with the secret, or is too old."""
