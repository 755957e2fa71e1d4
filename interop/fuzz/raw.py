"""Random bytes: nearly HTTP/2, nearly HTTP/1.1, and noise."""

import socket
from collections.abc import Callable
from random import Random

from h2.config import H2Configuration
from h2.connection import H2Connection
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from gcptasks.rpc.sieve import PREFACE
from interop.fuzz.calls import PATHS
from interop.fuzz.verdict import Verdict
from interop.service import Service

_PATIENCE = 30
"""Seconds after which a connection hangs whose client has said its last."""
_STREAMS = [0, 1, 1, 1, 2, 3, 5, 2**31 - 1]
_WORDS = [
    *(b"GET", b"POST", b" /v2/", b" /health", b" HTTP/1.1\r\n", b"\r\n", b"Host: x\r\n", b"Content-Length: 5\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"\0", b"{}"),
    *(b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"Content-Type: application/json\r\n"),
]


class Raw:
    """Sends random bytes to a service, each on a connection of its own."""

    def __init__(self, service: Service, random: Random) -> None:
        self._address = service.host, service.port
        self._random = random

    def close(self) -> None:
        """Nothing is open."""

    def send(self) -> Verdict:
        """Send some, and wait until the service closes."""
        data = self._random.choice([self._noise, self._words, self._frames, self._spoiled_call])()
        try:
            with socket.create_connection(self._address, _PATIENCE) as connection:
                self._say(connection, data)
                while connection.recv(65536):
                    pass
        except TimeoutError:
            return Verdict(repr(data), problem="the connection is still open, though its client is done")
        except OSError:
            pass  # it was broken off, as it may be
        return Verdict(repr(data), may_write=True)

    def _say(self, connection: socket.socket, data: bytes) -> None:
        middle = self._random.randrange(len(data) + 1)
        for part in (data[:middle], data[middle:]):
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)

    def _noise(self) -> bytes:
        start = self._random.choice([b"", PREFACE, PREFACE[:10], PREFACE + SettingsFrame(0).serialize()])
        return start + self._random.randbytes(self._random.choice([0, 1, 9, 100, 3000]))

    def _words(self) -> bytes:
        return b"".join(self._random.choices(_WORDS, k=self._random.randint(1, 15)))

    def _frames(self) -> bytes:
        return PREFACE + b"".join(self._frame().serialize() for _ in range(self._random.randint(1, 30)))

    def _frame(self) -> Frame:
        random = self._random
        block = random.choice([b"", b"\x82\x86\x84", b"\x83\x86\x84", random.randbytes(20), b"\xff" * 10])
        body = random.choice([b"", b"\0\0\0\0\0", b"\1\xff\xff\xff\xff", b"x" * 5000])
        window = random.choice([0, 1, 65535, 2**31 - 1, 2**31])
        code, other = random.randrange(20), random.choice(_STREAMS)
        frames: list[Callable[[], Frame]] = [
            lambda: DataFrame(1, body),
            lambda: HeadersFrame(1, block),
            lambda: ContinuationFrame(1, block),
            lambda: SettingsFrame(0, {random.randrange(10): window}),
            lambda: WindowUpdateFrame(random.choice([0, 1]), window or 1),
            lambda: RstStreamFrame(1, code),
            lambda: PriorityFrame(1, other, random.randrange(256)),
            lambda: GoAwayFrame(0, last_stream_id=other, error_code=code),
            lambda: PingFrame(0, random.randbytes(8)),
        ]
        frame = random.choice(frames)()
        # Not before: hyperframe makes no frame for a stream that it cannot be for.
        if frame.stream_id or random.random() < 0.1:
            frame.stream_id = random.choice(_STREAMS)
        for flag in [flag.name for flag in frame.defined_flags]:
            if random.random() < 0.4 and flag not in ("PADDED", "PRIORITY", "ACK"):
                frame.flags.add(flag)
        return frame

    def _spoiled_call(self) -> bytes:
        """A call of gRPC in which some bytes are others, or missing, or twice there."""
        random, h2 = self._random, H2Connection(H2Configuration(validate_outbound_headers=False))
        h2.initiate_connection()
        for _ in range(random.randint(1, 3)):
            headers = {
                ":method": "POST",
                ":scheme": "http",
                ":path": random.choice(PATHS),
                "content-type": random.choice(["application/grpc", "application/grpc+proto", "application/json"]),
                "grpc-timeout": random.choice(["1S", "5m", "0n", "99999999H", "-1S", "soon"]),
                "grpc-encoding": random.choice(["identity", "gzip", "deflate", "br"]),
            }
            stream = h2.get_next_available_stream_id()
            h2.send_headers(stream, list(headers.items()))
            message = random.randbytes(random.choice([0, 1, 30]))
            flag = random.choice([b"\0", b"\0", b"\1", b"\2"])
            h2.send_data(stream, flag + len(message).to_bytes(4, "big") + message, end_stream=True)
        data = bytearray(h2.data_to_send())
        for _ in range(random.choice([0, 1, 1, 3])):
            at = random.randrange(len(PREFACE), len(data))
            data[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
        return bytes(data)
