import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from inference_client import InvalidWebhook, verify_webhook
from tests.unit.client.scripted import SUCCEEDED

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = json.dumps(SUCCEEDED).encode()
SENT_S = 1_790_000_000


def headers(*secrets: str) -> dict[str, str]:
    sent = datetime.fromtimestamp(SENT_S, UTC)
    signatures = [Webhook(secret).sign("msg_1", sent, BODY.decode()) for secret in secrets]
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(SENT_S), "Webhook-Signature": " ".join(signatures)}


def test_a_delivery_that_standardwebhooks_has_signed_is_accepted() -> None:
    assert verify_webhook(BODY, headers(SECRET), SECRET, now_s=SENT_S + 5) == SUCCEEDED


def test_a_delivery_during_a_rotation_is_accepted_with_either_secret() -> None:
    assert verify_webhook(BODY, headers(OTHER, SECRET), SECRET, now_s=SENT_S) == SUCCEEDED
    assert verify_webhook(BODY, headers(OTHER, SECRET), OTHER, now_s=SENT_S) == SUCCEEDED


@pytest.mark.parametrize(
    ("body", "secret"), [(BODY, OTHER), (BODY + b" ", SECRET)], ids=["another secret", "another body"]
)
def test_a_delivery_whose_signature_does_not_fit_is_refused(body: bytes, secret: str) -> None:
    with pytest.raises(InvalidWebhook, match="no signature fits"):
        verify_webhook(body, headers(SECRET), secret, now_s=SENT_S)


@pytest.mark.parametrize("age_s", [301, -301])
def test_a_delivery_of_another_time_is_refused(age_s: int) -> None:
    with pytest.raises(InvalidWebhook, match="expected at most 300 s"):
        verify_webhook(BODY, headers(SECRET), SECRET, now_s=SENT_S + age_s)


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_delivery_without_a_header_is_refused_with_its_name(missing: str) -> None:
    given = headers(SECRET)
    del given[missing]

    with pytest.raises(InvalidWebhook, match=missing.lower()):
        verify_webhook(BODY, given, SECRET)


@pytest.mark.parametrize("time", ["soon", "-5", "²"])
def test_a_time_that_is_not_a_number_is_refused(time: str) -> None:
    with pytest.raises(InvalidWebhook, match="webhook-timestamp"):
        verify_webhook(BODY, {**headers(SECRET), "Webhook-Timestamp": time}, SECRET)


def test_a_secret_that_is_not_base64_names_the_remedy() -> None:
    with pytest.raises(ValueError, match="copy it from the operator's file"):
        verify_webhook(BODY, headers(SECRET), "whsec_not base64", now_s=SENT_S)


@pytest.mark.parametrize("secret", ["", "whsec_"])
def test_an_empty_secret_accepts_no_forgery(secret: str) -> None:
    forged = b64encode(hmac.digest(b"", f"msg_1.{SENT_S}.".encode() + BODY, "sha256")).decode()

    with pytest.raises(ValueError, match="the secret is empty, expected whsec_ and base64; set the variable"):
        verify_webhook(BODY, {**headers(SECRET), "Webhook-Signature": f"v1,{forged}"}, secret, now_s=SENT_S)


@pytest.mark.parametrize(("name", "value"), [("Webhook-Id", "msg_\udcff"), ("Webhook-Signature", "v1,\udcff")])
def test_a_header_of_other_bytes_than_utf_8_fits_no_signature(name: str, value: str) -> None:
    with pytest.raises(InvalidWebhook, match="no signature fits"):
        verify_webhook(BODY, {**headers(SECRET), name: value}, SECRET, now_s=SENT_S)
