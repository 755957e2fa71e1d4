"""Hostile clients of the service's port, by name, without end: `python cli_hostile_clients.py HOST:PORT NAME`."""

import gzip
import select
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from google.cloud.tasks_v2 import CreateTaskRequest, HttpRequest, ListTasksRequest, Task
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from hyperframe.frame import ContinuationFrame, HeadersFrame, PingFrame, WindowUpdateFrame

MIB = 1024 * 1024
LARGE = "projects/p/locations/l/queues/large"
"""A queue of large tasks, there to be listed."""


class Hostile:
    """A connection that says what it is told, and reads what comes only to throw it away, or not at all."""

    def __init__(self, address: tuple[str, int], *, window: int = 65_535) -> None:
        self.h2 = H2Connection(H2Configuration(validate_outbound_headers=False))
        self.h2.initiate_connection()
        self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.socket = socket.create_connection(address)
        self.flush()

    def begin(self, method: str, data: bytes, *more: tuple[str, str], end: bool = True) -> int:
        stream = self.h2.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", f"/google.cloud.tasks.v2.CloudTasks/{method}"),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            *more,
        ]
        self.h2.send_headers(stream, headers)
        self.h2.send_data(stream, data, end_stream=end)
        return stream

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def read(self) -> None:
        """Take what is there, which says how far the windows are."""
        self.socket.settimeout(0.01)
        try:
            data = self.socket.recv(MIB)
        except TimeoutError:
            return
        finally:
            self.socket.settimeout(None)
        if not data:
            raise ConnectionError
        self.h2.receive_data(data)
        self.flush()

    def wait(self) -> None:
        """Return once the server closed."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            while self.socket.recv(MIB):
                selector.select()
        raise ConnectionError


def framed(message: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(message).to_bytes(4, "big") + message


LIST = framed(ListTasksRequest.serialize(ListTasksRequest(parent=LARGE, response_view=Task.View.FULL)))


def windows(address: tuple[str, int]) -> None:
    """Windows that open by a byte, for many responses that are not read."""
    hostile = Hostile(address, window=0)
    for _ in range(200):
        hostile.begin("ListTasks", LIST)
    hostile.flush()
    while True:
        hostile.socket.sendall(WindowUpdateFrame(0, window_increment=1).serialize() * 1000)


def pings(address: tuple[str, int]) -> None:
    hostile = Hostile(address)
    while True:
        hostile.socket.sendall(PingFrame(0, b"12345678").serialize() * 1000)


def halves(address: tuple[str, int]) -> None:
    """Requests of which half comes."""
    hostile = Hostile(address)
    for _ in range(200):
        hostile.begin("CreateTask", framed(b"x" * MIB)[:8000], end=False)
        hostile.flush()
        hostile.read()
    hostile.wait()


def bombs(address: tuple[str, int]) -> None:
    """Requests that become large once they are unpacked."""
    task = Task(http_request=HttpRequest(url="http://localhost:9/", body=b"x" * 1_000_000))
    message = CreateTaskRequest.serialize(CreateTaskRequest(parent=f"{LARGE}-not", task=task))
    hostile = Hostile(address)
    while True:
        for _ in range(50):
            hostile.begin("CreateTask", framed(gzip.compress(message), 1), ("grpc-encoding", "gzip"))
            hostile.flush()
        hostile.read()


def unread(address: tuple[str, int]) -> None:
    """Large responses that nobody reads."""
    hostile = Hostile(address, window=2**31 - 1)
    hostile.h2.increment_flow_control_window(2**30)
    for _ in range(200):
        hostile.begin("ListTasks", LIST)
    hostile.flush()
    while True:
        hostile.socket.sendall(PingFrame(0, b"12345678").serialize())


def headers(address: tuple[str, int]) -> None:
    """Headers that never end."""
    hostile = Hostile(address)
    hostile.socket.sendall(HeadersFrame(1, b"x" * 1000).serialize())
    while True:
        hostile.socket.sendall(ContinuationFrame(1, b"x" * 1000).serialize())


def pipelined(address: tuple[str, int]) -> None:
    """Requests over HTTP/1.1 whose responses nobody reads."""
    with socket.create_connection(address) as sock:
        while True:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)


def bodies(address: tuple[str, int]) -> None:
    """An endless body over HTTP/1.1."""
    with socket.create_connection(address) as sock:
        sock.sendall(b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            sock.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def posts(address: tuple[str, int]) -> None:
    """Large bodies over REST, of which all but the end comes, on many connections."""
    size = 4 * MIB
    head = f"POST /v2/{LARGE}/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with ExitStack() as opened:
        left: dict[socket.socket, int] = {}
        for _ in range(100):
            sock = opened.enter_context(socket.create_connection(address))
            sock.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
            sock.setblocking(False)
            left[sock] = size - 1
        while left:
            for sock in select.select((), left, ())[1]:
                left[sock] -= sock.send(b" " * min(left[sock], 65_536))
                if not left[sock]:
                    del left[sock]
        signal.pause()


def pages(address: tuple[str, int]) -> None:
    """Large responses over REST that nobody reads, on many connections."""
    with ExitStack() as opened:
        for _ in range(100):
            sock = opened.enter_context(socket.create_connection(address))
            sock.sendall(f"GET /v2/{LARGE}/tasks?responseView=FULL HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 20)
        signal.pause()


CLIENTS: dict[str, Callable[[tuple[str, int]], None]] = {
    client.__name__: client
    for client in (windows, pings, halves, bombs, unread, headers, pipelined, bodies, posts, pages)
}


def addresses(text: str) -> Iterator[tuple[str, int]]:
    host, port = text.rsplit(":", 1)
    while True:
        yield host, int(port)


if __name__ == "__main__":
    print("begins", flush=True)
    for where in addresses(sys.argv[1]):
        try:
            CLIENTS[sys.argv[2]](where)
        except OSError:
            # Its connection was ended: it comes again.
            pass
