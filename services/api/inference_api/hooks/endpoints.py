"""The endpoints of webhooks: the operator names them, and clients choose a name."""

import base64
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.datastructures import QueryParams

from inference_api.errors import UnknownWebhook
from inference_api.named_tables import read_tables
from inference_api.watched_file import WatchedFile
from inference_bridge.hooks import is_endpoint_name

NOUN = "webhooks file"
#: How a secret begins, and how many bytes its base64 holds, by Standard Webhooks.
SECRET_PREFIX, MIN_SECRET_BYTES, MAX_SECRET_BYTES = "whsec_", 24, 64
DEFAULT_PORTS = {"https": 443, "http": 80}


def key_of(secret: object) -> bytes:
    """Return the key in a secret; raise ValueError if the secret is not valid."""
    text = str(secret)
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(SECRET_PREFIX) or not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        form = f"{SECRET_PREFIX} and the base64 of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} random bytes"
        raise ValueError(f"a secret is not {form}; try `openssl rand -base64 32`")
    return key


def _check_name(name: str) -> str:
    if not is_endpoint_name(name):
        raise ValueError("a name has 1 to 64 of A-Z, a-z, 0-9, _ and -")
    return name


class Endpoint(BaseModel):
    """An endpoint.

    Attributes:
        name: as clients choose it.
        url: `https://`, or `http://` too if `allow_private` is set.
        secrets: the key in each signs every webhook; several while one is rotated.
        clients: the clients that may choose it; None for all.
        allow_private: whether its host may have a private address, such as in the cluster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, AfterValidator(_check_name)]
    url: str = Field(pattern=r"^https?://[!-~]+$", max_length=2_048)
    secrets: Annotated[list[Annotated[bytes, BeforeValidator(key_of)]], Field(min_length=1, max_length=8)]
    clients: list[str] | None = None
    allow_private: bool = False

    @model_validator(mode="after")
    def _leads_to_one_host(self) -> Self:
        parts = self.parts
        if not parts.hostname or parts.port == 0 or "@" in parts.netloc or parts.fragment:
            raise ValueError("url has no host, or has a user, a port 0 or a fragment; write https://HOST/PATH")
        if parts.scheme != "https" and not self.allow_private:
            raise ValueError("url begins with http://, which only `allow_private = true` allows; write https://")
        return self

    @property
    def parts(self) -> SplitResult:
        """The URL, split."""
        return urlsplit(self.url)

    @property
    def host(self) -> str:
        """The host in the URL."""
        return str(self.parts.hostname)

    @property
    def port(self) -> int:
        """The port in the URL, or that of its scheme."""
        return self.parts.port or DEFAULT_PORTS[self.parts.scheme]


class Endpoints:
    """The endpoints in a TOML file, read again when it changes; without a file there are none.

    Raises:
        ConfigurationError: the file is missing or wrong at start. A later wrong version is logged and ignored.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else WatchedFile(path, read_endpoints, noun=NOUN, entries="endpoints")

    @property
    def are_set(self) -> bool:
        """Whether the operator has set a file."""
        return self._file is not None

    def current(self) -> dict[str, Endpoint]:
        """Return the endpoints by their names."""
        return {} if self._file is None else self._file.current()

    def choose(self, query: QueryParams, client: str) -> str:
        """Return the name in `?webhook=`; empty without one.

        Raises:
            UnknownWebhook: there is no endpoint of this name for this client.
        """
        asked = query.get("webhook")
        if asked is None:
            return ""
        own = [name for name, one in self.current().items() if one.clients is None or client in one.clients]
        if asked not in own:
            rule = "the operator has set no webhook for you; leave it out"
            if own:
                rule = f"your webhooks have the names {', '.join(map(repr, own))}; give one of these names, or none"
            raise UnknownWebhook(f"webhook is {asked[:64]!r}, but {rule}")
        return asked


def read_endpoints(path: Path) -> dict[str, Endpoint]:
    """Return the endpoints in a file by their names.

    Raises:
        ConfigurationError: the file is missing, is not TOML, or has a wrong table.
    """
    return {endpoint.name: endpoint for endpoint in read_tables(path, Endpoint, noun=NOUN)}
