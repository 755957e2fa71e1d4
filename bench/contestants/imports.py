"""What a program pays beyond `import fastapi` for a builder and one route, with no client yet."""

import json
import sys
from time import perf_counter
from typing import Any

from bench.contestants.memory import resident


async def plain(name: str) -> None: ...


def main() -> None:
    import fastapi

    imported = perf_counter()
    # FastAPI's first route loads modules of its own, with any package or none.
    fastapi.APIRouter().post("/plain")(plain)

    modules, memory, began = set(sys.modules), resident(), perf_counter()

    from fastapi_gcp_tasks import AsyncDelayedRouteBuilder

    route = AsyncDelayedRouteBuilder(base_url="http://worker", queue_path="projects/p/locations/l/queues/q")
    hello: Any = fastapi.APIRouter(route_class=route).post("/hello")(plain)

    ended = perf_counter()
    added = set(sys.modules) - modules
    assert callable(hello.delay)
    figures = {
        "time": (ended - began) * 1e3,
        "time with FastAPI's part": (ended - imported) * 1e3,
        "google or grpc modules": sum(name.partition(".")[0] in ("google", "grpc") for name in added),
        "modules": len(added),
        "memory": (resident() - memory) / 2**20,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
