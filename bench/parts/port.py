"""The service on a port, durable, against the crate, which keeps everything in memory."""

from collections.abc import Sequence

from bench.model import Aim, Contestant, Part, Row
from bench.places import needing_crate, ours, peer

CRATE = "the crate"


def _contestants(what: str) -> Sequence[Contestant]:
    """Both in our environment: the client and the receiver are the same."""
    return [ours(_name("ours", what), "port", "ours", what), needing_crate(_name(CRATE, what), "port", "crate", what)]


def _name(name: str, what: str) -> str:
    return name if what == "lateness" else f"{name}, {what}"


PARTS = (
    Part(
        name="P10",
        title="the service on a port, durable, on the h2 library, one Python client, against the crate in memory",
        contestants=[*_contestants("flow"), *_contestants("creates")],
        rows=(
            Row(
                figure="end to end",
                unit="tasks/s",
                aim=Aim.AT_LEAST,
                ours="ours, flow",
                peer="the crate, flow",
                must=0.75,
                stretch=1.1,
            ),
            Row(
                figure="creates",
                label="creates, 100 in flight",
                unit="tasks/s",
                aim=Aim.AT_LEAST,
                ours="ours, creates",
                peer="the crate, creates",
                must=0.7,
                stretch=1.0,
            ),
        ),
    ),
    Part(
        name="P11",
        title="lateness of 10,000 tasks scheduled over 10 seconds, the same receiver",
        contestants=_contestants("lateness"),
        rows=(
            Row(figure="p50", unit="ms", aim=Aim.AT_MOST, peer=CRATE, must=1.0, stretch=0.8),
            Row(figure="p99", unit="ms", aim=Aim.AT_MOST, peer=CRATE, must=1.0, stretch=0.7),
        ),
    ),
    Part(
        name="P15",
        title="an endpoint that enqueues one task, under load",
        contestants=(
            ours("ours", "endpoint", "ours"),
            peer("the peer + the crate", "endpoint", "peer", crate=True),
        ),
        rows=(
            Row(
                figure="requests",
                unit="requests/s",
                aim=Aim.AT_LEAST,
                peer="the peer + the crate",
                must=2,
                stretch=2.8,
            ),
        ),
    ),
)
