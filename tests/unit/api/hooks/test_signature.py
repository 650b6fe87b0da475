"""The signature, checked by another implementation."""

import json
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from inference_api.hooks.endpoints import key_of
from inference_api.hooks.signature import signed_headers
from tests.support.receiver import SECRET

OTHER_SECRET = "whsec_" + "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVy"
BODY = json.dumps({"inference_id": "x", "note": "ü, 3"}).encode()


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_each_secret_verifies_while_one_is_rotated(secret: str) -> None:
    headers = signed_headers("msg_x_1", int(time.time()), BODY, [key_of(SECRET), key_of(OTHER_SECRET)])

    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


@pytest.mark.parametrize(
    ("secret", "body", "age_s"),
    [
        pytest.param(OTHER_SECRET, BODY, 0, id="another-secret"),
        pytest.param(SECRET, BODY + b" ", 0, id="another-body"),
        pytest.param(SECRET, BODY, 600, id="an-old-one"),
    ],
)
def test_nothing_else_verifies(secret: str, body: bytes, age_s: int) -> None:
    headers = signed_headers("msg_x_1", int(time.time()) - age_s, BODY, [key_of(SECRET)])

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)
