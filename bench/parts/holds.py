"""How long the event loop of the service is held under the loads of P6 and P11. Ours alone, beside fixed figures."""

from bench.model import Aim, Part, Row
from bench.places import ours

_PLACES = {"embedded": "frozen", "on a port": "port"}
_LOADS = {"P6's load": "flow", "P11's load": "lateness"}
_UNFROZEN = "embedded, P6's load, without gc.freeze()"


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
            *(
                ours(f"{place}, {load}", "held", how, what)
                for place, how in _PLACES.items()
                for load, what in _LOADS.items()
            ),
            ours(_UNFROZEN, "held", "embedded", "flow"),
        ),
        rows=(
            *(row for place in _PLACES for load in _LOADS for row in _rows(f"{place}, {load}")),
            Row(figure="hold", ours=_UNFROZEN, label=_UNFROZEN, unit="ms", aim=Aim.NO_MORE),
        ),
    ),
)
