"""The pure parts of gRPC: timeouts, prefixes, compression, statuses."""

import gzip
import itertools
import zlib
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.rpc.grpc import Incoming, Refused, framed, opening, quoted, refusal, seconds
from gcptasks.wire.codes import Code, Status

LIMIT = 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1H", 3600),
        (b"2M", 120),
        (b"10S", 10),
        (b"250m", 0.25),
        (b"7u", 7e-6),
        (b"99999999n", 0.099999999),
        (b"0S", 0),
    ],
)
def test_a_timeout_is_read_in_its_unit(text: bytes, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", [b"", b"10", b"S", b"123456789S", b"-1S", b"1.5S", b"1s", b"1S ", b"\xff"])
def test_a_malformed_timeout_is_refused(text: bytes) -> None:
    with pytest.raises(Refused, match="grpc-timeout"):
        seconds(text)


@given(message=st.binary(max_size=LIMIT), cuts=st.lists(st.integers(0, LIMIT + 5), max_size=5))
def test_a_message_survives_any_cutting(message: bytes, cuts: list[int]) -> None:
    incoming, wire = Incoming(LIMIT), framed(message)
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    for start, end in itertools.pairwise(edges):
        incoming.feed(wire[start:end])
    assert incoming.read(b"identity") == message


@pytest.mark.parametrize(("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_compressed_message_is_unpacked(encoding: bytes, pack: "type[bytes]") -> None:
    incoming = Incoming(LIMIT)
    incoming.feed(b"\1" + framed(pack(b"x" * LIMIT))[1:])
    assert incoming.read(encoding) == b"x" * LIMIT


def read(wire: bytes, encoding: bytes) -> bytes:
    incoming = Incoming(LIMIT)
    incoming.feed(wire)
    return incoming.read(encoding)


@pytest.mark.parametrize(
    ("wire", "encoding", "code"),
    [
        pytest.param(b"", b"identity", Code.INTERNAL, id="nothing"),
        pytest.param(b"\0\0\0", b"identity", Code.INTERNAL, id="half a prefix"),
        pytest.param(framed(b"hello")[:-1], b"identity", Code.INTERNAL, id="half a message"),
        pytest.param(framed(b"a") + b"\0", b"identity", Code.UNIMPLEMENTED, id="more than one message"),
        pytest.param(b"\2" + framed(b"a")[1:], b"identity", Code.INTERNAL, id="unknown flag"),
        pytest.param(framed(b"x" * (LIMIT + 1)), b"identity", Code.RESOURCE_EXHAUSTED, id="too large"),
        pytest.param(b"\0\xff\xff\xff\xff", b"identity", Code.RESOURCE_EXHAUSTED, id="four gigabytes announced"),
        pytest.param(b"\1" + framed(b"a")[1:], b"identity", Code.INTERNAL, id="compressed without encoding"),
        pytest.param(b"\1" + framed(b"a")[1:], b"snappy", Code.UNIMPLEMENTED, id="unknown encoding"),
        pytest.param(b"\1" + framed(b"a")[1:], b"gzip", Code.INTERNAL, id="not gzip"),
        pytest.param(b"\1" + framed(gzip.compress(b"a")[:-1])[1:], b"gzip", Code.INTERNAL, id="gzip cut short"),
        pytest.param(b"\1" + framed(gzip.compress(b"a") + b"a")[1:], b"gzip", Code.INTERNAL, id="more behind gzip"),
        pytest.param(
            b"\1" + framed(gzip.compress(b"x" * (LIMIT + 1)))[1:],
            b"gzip",
            Code.RESOURCE_EXHAUSTED,
            id="unpacks too large",
        ),
    ],
)
def test_what_is_not_one_message_is_refused(wire: bytes, encoding: bytes, code: Code) -> None:
    with pytest.raises(Refused) as refused:
        read(wire, encoding)
    assert refused.value.status.code is code


@given(st.text(max_size=300))
def test_a_status_message_arrives_intact(message: str) -> None:
    wire = quoted(message)
    assert all(0x20 <= byte <= 0x7E for byte in wire)
    assert unquote_to_bytes(wire).decode() == message.encode("utf-8", "replace").decode()


def test_a_status_too_large_for_trailers_is_cut_and_loses_its_details() -> None:
    fields = dict(refusal(Status(Code.INVALID_ARGUMENT, "é" * 100_000, b"x" * 100_000)))
    assert unquote_to_bytes(fields[b"grpc-message"]).decode().lstrip("é") == "…"
    assert b"grpc-status-details-bin" not in fields
    assert fields[b"grpc-status"] == b"3"


@pytest.mark.parametrize("kind", [b"application/grpc", b"application/grpc+proto", b"application/grpc; charset=utf-8"])
def test_content_types_of_grpc_are_taken(kind: bytes) -> None:
    request = opening(((b":method", b"POST"), (b":path", b"/a.B/C"), (b"content-type", kind)))
    assert (request.method, request.encoding, request.timeout) == ("/a.B/C", b"identity", None)
