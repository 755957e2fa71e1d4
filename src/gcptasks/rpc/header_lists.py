"""Header lists: which are requests, and the way from bytes and to bytes.

The `h2` library decodes, checks and encodes each list anew. Clients send the same ones with every call, and so do we:
what is known of a list is remembered here, which makes a call a third cheaper.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from hpack import Decoder, Encoder, HeaderTuple, NeverIndexedHeaderTuple

from gcptasks.base.http import is_token

Headers = tuple[HeaderTuple, ...]
"""Ours."""
Fields = tuple[tuple[bytes, bytes], ...]
"""A client's."""

_REMEMBERED = 64
"""Blocks of a connection: a client has one for each method, queue and time limit that it uses at the moment."""
_LONGEST_BLOCK = 512
"""Bytes of one of these; of Google's clients it has some 150."""
_MOST_FIELDS = 32

_VALUE = re.compile(rb"(?:[^\0\r\n\t ](?:[^\0\r\n]*[^\0\r\n\t ])?)?")
_REQUIRED = frozenset({b":method", b":scheme", b":path"})
_PSEUDO = _REQUIRED | {b":authority"}
_OF_A_CONNECTION = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"})


@lru_cache(maxsize=128)
def is_request(headers: Fields) -> bool:
    """Whether these are well-formed headers of a request (RFC 9113, 8.2 and 8.3)."""
    pseudo: set[bytes] = set()
    is_regular = False
    for name, value in headers:
        if not _is_field(name, value):
            return False
        if not name.startswith(b":"):
            is_regular = True
        elif is_regular or name in pseudo:
            return False
        else:
            pseudo.add(name)
    return pseudo >= _REQUIRED


@lru_cache(maxsize=128)
def announced_length(headers: Fields) -> int | None:
    """How long the body is by its `content-length`, of which `h2` has seen that it is one number."""
    return next((int(value) for name, value in headers if name == b"content-length"), None)


def are_trailers(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether these are well-formed trailers of a request."""
    return all(_is_field(name, value) and not name.startswith(b":") for name, value in headers)


@lru_cache(maxsize=512)
def _is_field(name: bytes, value: bytes) -> bool:
    if not _VALUE.fullmatch(value):
        return False
    if name.startswith(b":"):
        return name in _PSEUDO and bool(value)
    if name == b"te":
        return value == b"trailers"
    return name not in _OF_A_CONNECTION and name == name.lower() and is_token(name.decode("latin-1"))


class RememberingDecoder(Decoder):
    """Decodes the same block once, as long as the table that the connection shares stands still."""

    def __init__(self, max_header_list_size: int) -> None:
        super().__init__(max_header_list_size)
        self._known: dict[bytes, Iterable[HeaderTuple]] = {}

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """The fields of the block, as bytes if `raw`."""
        if raw and (known := self._known.get(data)):
            return known
        before = self._table()
        headers = tuple(super().decode(data, raw))
        if before != self._table():
            # The same bytes may mean something else from now on. And this block has to change the table each time.
            self._known.clear()
        elif raw and len(data) <= _LONGEST_BLOCK and len(headers) <= _MOST_FIELDS:
            if len(self._known) == _REMEMBERED:
                self._known.clear()
            self._known[data] = headers
        return headers

    def _table(self) -> tuple[int, tuple[tuple[bytes, bytes], ...]]:
        return self.header_table.maxsize, tuple(self.header_table.dynamic_entries)


class RememberingEncoder(Encoder):
    """Encodes without the table that the connection shares, so that the same headers are the same bytes."""

    def encode(self, headers: Any, huffman: bool = True) -> bytes:
        """The header block, behind a change of the table's size if the client asked for one."""
        change = super().encode(()) if self.header_table.resized else b""
        return change + _block(tuple(headers))


@lru_cache(maxsize=256)
def _block(headers: Headers) -> bytes:
    return Encoder().encode([NeverIndexedHeaderTuple(*header) for header in headers])
