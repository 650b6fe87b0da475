"""The pod of this worker, accessed through the Kubernetes API."""

import http.client
import json
import ssl
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

KUBERNETES_URL = "https://kubernetes.default.svc"
#: Kubernetes mounts the token and the CA here.
ACCOUNT_DIRECTORY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CALL_TIMEOUT_S = 2.0


class OwnPod:
    """Changes the annotations of one pod; needs only the right to patch it.

    Args:
        name: of the pod.
        namespace: of the pod.
        url: of the API server.
        token_file: the token of the service account.
        ca_file: the CA of the API server.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        *,
        url: str = KUBERNETES_URL,
        token_file: Path = ACCOUNT_DIRECTORY / "token",
        ca_file: Path = ACCOUNT_DIRECTORY / "ca.crt",
    ) -> None:
        self._path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        self._server = urlsplit(url)
        self._token_file = token_file
        self._ca_file = ca_file

    def annotate(self, name: str, value: str) -> None:
        """Set an annotation; this call blocks.

        Raises:
            OSError: the call failed; the annotation may be set or not.
            http.client.HTTPException: the same.
            ValueError: the token or the CA is not valid.
        """
        body = json.dumps({"metadata": {"annotations": {name: value}}})
        # Read at each call: Kubernetes writes a new token every few minutes.
        token = self._token_file.read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
        # Not urllib, which would use a proxy from the environment.
        server = http.client.HTTPSConnection(
            self._server.hostname or "", self._server.port, timeout=CALL_TIMEOUT_S, context=self._trust()
        )
        with closing(server):
            server.request("PATCH", self._path, body, headers)
            with server.getresponse() as answer:
                if answer.status != http.HTTPStatus.OK:
                    raise OSError(f"Kubernetes answered {answer.status} {answer.reason}")

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file)
        # Certificates of older clusters lack extensions that Python 3.13 requires.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
