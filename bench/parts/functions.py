"""Tasks that are functions: end to end, the service inside the application and durable, and what their worker costs."""

from bench.model import Aim, Part, Row
from bench.places import huey, ours, peer, redis

_OURS = "ours"
_PEER = "the peer + the crate"
_TASKIQ, _CELERY = "taskiq, Redis list", "celery, Redis"
_HUEY, _HUEY_UNSYNCED = "huey, SQLite", "huey, SQLite, not synced"
_FUNCTION, _ENDPOINT = "a function", "an endpoint"


def _end_to_end(peer: str, must: float | None, stretch: float | None) -> Row:
    return Row(
        figure="end to end",
        label=f"against {peer}",
        unit="tasks/s",
        aim=Aim.AT_LEAST,
        ours=_OURS,
        peer=peer,
        must=must,
        stretch=stretch,
    )


def _answered(figure: str, label: str) -> Row:
    return Row(
        figure=figure,
        label=f"a request to CloudTaskRouter, against one to an endpoint: {label}",
        unit="µs",
        aim=Aim.AT_MOST,
        ours=_FUNCTION,
        peer=_ENDPOINT,
    )


PARTS = (
    Part(
        name="FUNCTIONS",
        title="10,000 no-op functions end to end, embedded and durable, through CloudTaskRouter",
        contestants=(
            ours(_OURS, "ours", "flow", "async", "async", "function"),
            peer(_PEER, "peer", "flow", "async", "async", crate=True),
            redis(_TASKIQ, "redis_queues", "taskiq", "flow"),
            redis(_CELERY, "redis_queues", "celery", "flow"),
            huey(_HUEY, "sqlite_queue", "on"),
            huey(_HUEY_UNSYNCED, "sqlite_queue", "off"),
            ours(_FUNCTION, "answering", "function"),
            ours(_ENDPOINT, "answering", "endpoint"),
        ),
        rows=(
            _end_to_end(_PEER, 1.8, 2.5),
            _end_to_end(_TASKIQ, 2.2, 3),
            _end_to_end(_CELERY, 5, 8),
            # It keeps its tasks over a power cut too, as none of the others does.
            _end_to_end(_HUEY, 2.2, 3),
            _end_to_end(_HUEY_UNSYNCED, None, None),
            _answered("small", "a small body"),
            _answered("nested", "10 KB of nested body"),
            _answered("dependent", "a small body and a dependency"),
        ),
    ),
)
