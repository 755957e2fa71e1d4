"""Where commits are made: on the event loop, in a thread, or as the writer chooses. Ours alone."""

from bench.model import Aim, Part, Row
from bench.places import ours

_DISKS = {"this disk": "0", "commits 20 ms slower": "20"}
_WAYS = {"on the loop": "loop", "in a thread": "thread", "as chosen": "chosen"}


def _rows(way: str, disk: str) -> tuple[Row, ...]:
    """That way beside commits on the loop."""
    mine, other = f"{way}, {disk}", f"on the loop, {disk}"
    return (
        Row(figure="creates", label=f"creates {mine}", unit="tasks/s", aim=Aim.AT_LEAST, ours=mine, peer=other),
        Row(figure="hold", label=f"longest hold of the loop {mine}", unit="ms", aim=Aim.AT_MOST, ours=mine, peer=other),
    )


PARTS = (
    Part(
        name="COMMITS",
        title="10,000 creates, 100 under way, durable: commits on the event loop or in a thread",
        contestants=[
            ours(f"{way}, {disk}", "commits", how, slower)
            for disk, slower in _DISKS.items()
            for way, how in _WAYS.items()
        ],
        rows=[row for disk in _DISKS for way in ("in a thread", "as chosen") for row in _rows(way, disk)],
    ),
)
