"""The service inside the application, durable, against what people run instead. Peers keep nothing over a crash."""

from collections.abc import Sequence

from bench.model import Aim, Contestant, Part, Row
from bench.places import ours, peer, redis

PEER = "the peer + the crate"
_TASKIQ = "taskiq, Redis list"


def _ways(*ways: tuple[str, str]) -> Sequence[Contestant]:
    """Ours and the peer, with calls and endpoints that are each async or sync."""
    return [
        contestant
        for calls, endpoint in ways
        for contestant in (
            ours(_way("ours", calls, endpoint), "ours", "flow", calls, endpoint),
            peer(_way(PEER, calls, endpoint), "peer", "flow", calls, endpoint, crate=True),
        )
    ]


def _way(name: str, calls: str, endpoint: str) -> str:
    return f"{name}, {calls} calls of {'an async' if endpoint == 'async' else 'a sync'} endpoint"


def _row(calls: str, endpoint: str, must: float, stretch: float) -> Row:
    return Row(
        figure="end to end",
        label=_way("end to end", calls, endpoint),
        unit="tasks/s",
        aim=Aim.AT_LEAST,
        ours=_way("ours", calls, endpoint),
        peer=_way(PEER, calls, endpoint),
        must=must,
        stretch=stretch,
    )


def _late(figure: str, peer: str, must: float, stretch: float) -> Row:
    label = f"{figure}, against {peer}"
    return Row(figure=figure, label=label, unit="ms", aim=Aim.AT_MOST, peer=peer, must=must, stretch=stretch)


PARTS = (
    Part(
        name="P6",
        title="10,000 no-ops end to end, embedded and durable, full ASGI, against the peer with the crate and uvicorn",
        contestants=_ways(("async", "async"), ("sync", "sync"), ("sync", "async"), ("async", "sync")),
        rows=(
            _row("async", "async", 1.8, 2.5),
            _row("sync", "sync", 1, 1.5),
            _row("sync", "async", 1, 1.5),
            _row("async", "sync", 1, 1.5),
        ),
    ),
    Part(
        name="P7",
        title="10,000 no-ops end to end, embedded and durable, full ASGI, against queues on Redis",
        contestants=(
            ours("ours", "ours", "flow", "async", "async"),
            redis(_TASKIQ, "redis_queues", "taskiq", "flow"),
            redis("celery, Redis", "redis_queues", "celery", "flow"),
        ),
        rows=(
            Row(
                figure="end to end",
                label="against taskiq",
                unit="tasks/s",
                aim=Aim.AT_LEAST,
                peer=_TASKIQ,
                must=2.2,
                stretch=3,
            ),
            Row(
                figure="end to end",
                label="against celery",
                unit="tasks/s",
                aim=Aim.AT_LEAST,
                peer="celery, Redis",
                must=5,
                stretch=8,
            ),
        ),
    ),
    Part(
        name="P9",
        title="from call to run under light load, embedded and durable",
        contestants=(
            ours("ours", "ours", "light", "async", "async"),
            peer(PEER, "peer", "light", "async", "async", crate=True),
            redis(_TASKIQ, "redis_queues", "taskiq", "light"),
        ),
        rows=(
            _late("p50", PEER, 0.75, 0.45),
            _late("p50", _TASKIQ, 1, 0.7),
            _late("p99", PEER, 1, 0.7),
            _late("p99", _TASKIQ, 1, 0.7),
        ),
    ),
)
