import socket

import pytest

from tests.support.servers import free_port


def test_a_port_is_kept_for_its_server() -> None:
    address = ("127.0.0.1", free_port())

    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(address)
    socket.create_server(address).close()
