"""The service on a port with very many tasks waiting, against itself with none: the curve is to be flat."""

from collections.abc import Iterator

from bench.model import Aim, Part, Row
from bench.places import ours

NONE = "none waiting"
MANY = {"100,000 waiting": "100000", "1,000,000 waiting": "1000000"}

_RATES = ("end to end", "creates", "creates, 1 in flight")
_LATE = ("p50", "p99")


def _rows() -> Iterator[Row]:
    for waiting in MANY:
        for figure in _RATES:
            label = f"{'creates, 100 in flight' if figure == 'creates' else figure}, {waiting}"
            unit = "tasks/s"
            yield Row(figure=figure, label=label, unit=unit, aim=Aim.AT_LEAST, ours=waiting, peer=NONE, must=0.9)
        for figure in _LATE:
            label = f"lateness {figure}, {waiting}"
            yield Row(figure=figure, label=label, unit="ms", aim=Aim.AT_MOST, ours=waiting, peer=NONE, must=1.2)


PARTS = (
    Part(
        name="BACKLOG",
        title="the service on a port with many tasks that wait until tomorrow, against itself with none",
        contestants=(
            ours(NONE, "backlog", "0"),
            *(ours(name, "backlog", count) for name, count in MANY.items()),
        ),
        rows=tuple(_rows()),
        most_rounds=3,
        timeout=900,
    ),
)
