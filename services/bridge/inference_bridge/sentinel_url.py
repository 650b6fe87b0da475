"""A URL of Sentinels, in the form that redisvl, LangChain and Prefect take too."""

import re
from typing import NamedTuple

SENTINEL_SCHEMES = ("redis+sentinel://", "rediss+sentinel://")
SENTINEL_FORM = "redis+sentinel://user:password@host:port,host:port/master/db"
#: Parameters that log in at the Sentinels; user and password of the URL log in at Redis.
SENTINEL_PARAMETERS = ("sentinel_username", "sentinel_password")
_URL = re.compile(r"(rediss?)\+sentinel(://(?:[^/?#@]*@)?)([^/?#@]+)/([\w.-]+)(?:/([0-9]+)?)?(?:\?([^#]*))?")


class SentinelUrl(NamedTuple):
    """The parts of a URL of Sentinels.

    Attributes:
        master: the name by which the Sentinels know the master.
        redis_urls: for each Sentinel, the URL of a Redis in its place.
        login: the query with the parameters that log in at the Sentinels.
    """

    master: str
    redis_urls: tuple[str, ...]
    login: str


def split_sentinel_url(url: str) -> SentinelUrl | None:
    """Return the parts of a URL of Sentinels, or None if it does not have that form."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, start, hosts, master, db, query = match.groups("")
    parameters = query.split("&")
    login = [pair for pair in parameters if pair.partition("=")[0] in SENTINEL_PARAMETERS]
    end = f"/{db}?{'&'.join(pair for pair in parameters if pair not in login)}"
    return SentinelUrl(master, tuple(f"{scheme}{start}{host}{end}" for host in hosts.split(",")), "&".join(login))
