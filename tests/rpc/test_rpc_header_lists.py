"""Blocks of headers that are remembered mean what they would if they were decoded anew."""

from dataclasses import dataclass

from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.rpc.header_lists import RememberingDecoder

MOST = 16 * 1024
Field = tuple[bytes, bytes, bool]
"""With whether the table has to be left alone."""


@dataclass(frozen=True)
class Resized:
    """The client has a table of so many bytes from now on: room for no field, for one, two, or by default many."""

    size: int


@dataclass(frozen=True)
class Repeated:
    """The block so many blocks back comes again. Its indexes may mean other fields by now, or none."""

    back: int


names = st.sampled_from([b"te", b"x-one"])
values = st.sampled_from([b"1", b"2", b"x" * 600])
fields = st.tuples(names, values, st.booleans())
lists = st.one_of(st.lists(fields, max_size=2), st.lists(fields, min_size=30, max_size=40))
resized = st.builds(Resized, st.sampled_from([0, 40, 80, 4096]))
repeated = st.builds(Repeated, st.integers(1, 6))


@given(st.lists(st.one_of(lists, resized, repeated), max_size=30))
def test_a_remembered_block_is_what_it_would_be_without(steps: list[list[Field] | Resized | Repeated]) -> None:
    encoder = Encoder()
    theirs, ours = Decoder(MOST), RememberingDecoder(MOST)
    blocks: list[bytes] = []
    for step in steps:
        match step:
            case Resized(size):
                encoder.header_table_size = size
                continue
            case Repeated(back):
                blocks += blocks[-back:][:1]
            case _:
                blocks.append(encoder.encode(step))
        for block in blocks[-1:]:
            assert decoded(ours, block) == decoded(theirs, block)


def decoded(decoder: Decoder, block: bytes) -> object:
    try:
        return [(*field, field.indexable) for field in decoder.decode(block, raw=True)]
    except Exception as error:
        return repr(error)
