"""Waiting for the results of tasks, the service inside the application and durable, and what recording them costs."""

from bench.model import Aim, Part, Row
from bench.places import ours, redis

_TASKIQ, _CELERY = "taskiq, Redis list and results", "celery, Redis and its results"
_RECORDED, _PLAIN = "recorded", "not recorded"


def _answered(peer: str, must: float, stretch: float) -> Row:
    return Row(
        figure="answered",
        label=f"results, against {peer}",
        unit="tasks/s",
        aim=Aim.AT_LEAST,
        peer=peer,
        must=must,
        stretch=stretch,
    )


PARTS = (
    Part(
        name="RESULTS",
        title="10,000 no-ops whose results are waited for, embedded and durable; and what recording costs",
        contestants=(
            ours("ours", "ours", "asked", "async", "async", "recorded"),
            redis(_TASKIQ, "redis_queues", "taskiq", "asked"),
            redis(_CELERY, "redis_queues", "celery", "asked"),
            ours(_RECORDED, "ours", "flow", "async", "async", "recorded"),
            ours(_PLAIN, "ours", "flow", "async", "async"),
        ),
        rows=(
            _answered(_TASKIQ, 1, 1.5),
            _answered(_CELERY, 2, 3),
            Row(
                figure="end to end",
                label="tasks that nobody asks about, against such that are not recorded",
                unit="tasks/s",
                aim=Aim.AT_LEAST,
                ours=_RECORDED,
                peer=_PLAIN,
                must=0.87,
                stretch=0.95,
            ),
        ),
    ),
)
