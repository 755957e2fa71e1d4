"""The tests themselves stay on this machine."""

import socket

import pytest


def test_a_connection_beyond_this_machine_is_refused() -> None:
    with socket.socket() as outside, pytest.raises(ConnectionRefusedError, match="may not leave this machine"):
        outside.connect(("192.0.2.1", 80))


def test_a_connection_within_this_machine_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
