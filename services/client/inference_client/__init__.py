"""A client of the inference service: submit an input, wait for its result, map over many, verify a webhook."""

from inference_client.async_client import AsyncClient, AsyncJob
from inference_client.client import Client, Job
from inference_client.errors import (
    ClientError,
    ExpiredJob,
    InvalidWebhook,
    JobCanceled,
    JobFailed,
    Refused,
    Unavailable,
    UnknownJob,
    WaitTimeout,
)
from inference_client.outcome import Answer, Outcome
from inference_client.webhook import verify_webhook

__all__ = [
    "Answer",
    "AsyncClient",
    "AsyncJob",
    "Client",
    "ClientError",
    "ExpiredJob",
    "InvalidWebhook",
    "Job",
    "JobCanceled",
    "JobFailed",
    "Outcome",
    "Refused",
    "Unavailable",
    "UnknownJob",
    "WaitTimeout",
    "verify_webhook",
]
