"""What importing costs."""

from bench.model import Aim, Part, Row
from bench.places import here, ours, peer

PARTS = (
    Part(
        name="P5",
        title="added to `import fastapi` by a builder and one route, no client yet",
        contestants=(ours("ours", "imports"), peer("the peer", "imports")),
        rows=(
            Row(figure="time", unit="ms", aim=Aim.AT_MOST, peer="the peer", must=1 / 20, stretch=1 / 40),
            # FastAPI's own first route costs more than ours can win; it is no part of what either package adds.
            Row(figure="time with FastAPI's part", unit="ms", aim=Aim.AT_MOST, peer="the peer"),
            Row(figure="google or grpc modules", unit="modules", aim=Aim.NO_MORE, must=0),
            Row(figure="modules", unit="modules", aim=Aim.AT_MOST, peer="the peer"),
            Row(figure="memory", unit="MiB", aim=Aim.AT_MOST, peer="the peer"),
        ),
        warm_up=True,
    ),
    Part(
        name="PLUGIN",
        title="added by the plugin of pytest to a start that has no use for it",
        contestants=(here("ours", "plugin"),),
        rows=(
            Row(figure="time", unit="ms", aim=Aim.NO_MORE, must=50),
            Row(figure="modules", unit="modules", aim=Aim.NO_MORE, must=3),
        ),
        warm_up=True,
    ),
)
