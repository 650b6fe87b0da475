"""What a connection to RabbitMQ is opened with."""

import ssl
from urllib.parse import parse_qsl, urlencode, urlsplit

import pika

HEARTBEAT_S = 15
CONNECT_TIMEOUT_S = 10.0
# A peer that vanished without a word fails the write after this long, before the heartbeat would notice.
_TCP_OPTIONS = {"TCP_USER_TIMEOUT": 20_000}


def connection_parameters(url: str, *, name: str) -> pika.URLParameters:
    """Return pika's parameters for an `amqp://` or `amqps://` URL; `name` is shown in RabbitMQ's management.

    With `?cacertfile=PATH`, as RabbitMQ's own clients call it, the broker's certificate must be signed by a CA in that
    PEM file, else by one of the system's. It must name the host in both cases.
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
    # An alarm may last for hours: we answer 503 meanwhile and keep the connection.
    parameters.blocked_connection_timeout = None
    parameters.tcp_options = dict(_TCP_OPTIONS)
    parameters.client_properties = {"connection_name": name}
    return parameters
