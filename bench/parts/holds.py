"""How long the event loop of the service is held under the loads of P6 and P11. Beside fixed figures."""

from bench.model import Aim, Part, Row
from bench.places import ours, peer

_WATCHED = {
    "embedded, P6's load": ("frozen", "flow"),
    "embedded, P6's load, blocking calls of a sync endpoint": ("frozen", "blocking"),
    "embedded, P11's load": ("frozen", "lateness"),
    "on a port, P6's load": ("port", "flow"),
    "on a port, P11's load": ("port", "lateness"),
}
_UNFROZEN = "embedded, P6's load, without gc.freeze()"
_WORKER = "the peer's worker under uvicorn, P6's load"
"""What FastAPI and the requests of a turn take where there is no service in the process."""


def _rows(name: str) -> tuple[Row, ...]:
    return (
        Row(figure="hold", ours=name, label=name, unit="ms", aim=Aim.NO_MORE, must=10, stretch=5),
        Row(figure="p99.9", ours=name, label=f"{name}, p99.9", unit="ms", aim=Aim.NO_MORE),
        # On a port three processes share the cores.
        Row(figure="with waiting", ours=name, label=f"{name}, waiting for a core included", unit="ms", aim=Aim.NO_MORE),
    )


PARTS = (
    Part(
        name="P17",
        title="the longest hold of the event loop that has the service",
        contestants=(
            *(ours(name, "held", *how) for name, how in _WATCHED.items()),
            ours(_UNFROZEN, "held", "embedded", "flow"),
            peer(_WORKER, "held_worker", crate=True),
        ),
        rows=(
            *(row for name in _WATCHED for row in _rows(name)),
            Row(figure="hold", ours=_UNFROZEN, label=_UNFROZEN, unit="ms", aim=Aim.NO_MORE),
            Row(figure="hold", ours=_WORKER, label=_WORKER, unit="ms", aim=Aim.NO_MORE),
        ),
    ),
)
