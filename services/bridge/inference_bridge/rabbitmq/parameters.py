"""The parameters of a connection to RabbitMQ."""

import ssl
from urllib.parse import parse_qsl, urlencode, urlsplit

import pika

HEARTBEAT_S = 15
CONNECT_TIMEOUT_S = 10.0
# A write to a peer that has vanished fails after this time, before the heartbeat would notice.
_TCP_OPTIONS = {"TCP_USER_TIMEOUT": 20_000}


def connection_parameters(url: str, *, name: str) -> pika.URLParameters:
    """Return pika's parameters for an `amqp://` or `amqps://` URL; `name` is shown in RabbitMQ's management.

    With `?cacertfile=PATH` (a name from RabbitMQ's own clients) a CA in that PEM file must have signed the broker's
    certificate, otherwise a CA of the system. In both cases the certificate must name the host.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    ca_file = query.pop("cacertfile", None)
    parameters = pika.URLParameters(parts._replace(query=urlencode(query)).geturl())
    if ca_file is not None and parameters.ssl_options is not None:
        context = ssl.create_default_context(cafile=ca_file)
        parameters.ssl_options = pika.SSLOptions(context, server_hostname=parameters.host)
    parameters.heartbeat = HEARTBEAT_S
    parameters.connection_attempts = 1
    parameters.socket_timeout = CONNECT_TIMEOUT_S
    parameters.stack_timeout = CONNECT_TIMEOUT_S
    # An alarm may last for hours: the API answers 503 meanwhile and keeps the connection.
    parameters.blocked_connection_timeout = None
    parameters.tcp_options = dict(_TCP_OPTIONS)
    parameters.client_properties = {"connection_name": name}
    return parameters
