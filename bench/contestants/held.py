"""How long the loop of the service is held under load: `held embedded|frozen|port flow|blocking|lateness`.

`embedded` is the service inside an application, as it is; `frozen` the same once what was imported is kept out of
garbage collection. `blocking` is blocking calls, from threads, of an endpoint that is run in threads.
"""

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from bench.contestants import holds, port, servers
from bench.contestants.embedding import create_queues, service
from bench.contestants.frozen import freeze
from bench.contestants.load import TASKS, THREADS, enqueue, enqueue_async, on_loop
from bench.contestants.noops import application, in_turns, scheduled_in_turns
from bench.contestants.ours import builder
from bench.contestants.tally import Hearer


async def inside(folder: str, hearer: Hearer, what: str, *, frozen: bool) -> dict[str, float]:
    """Measured in the application's own loop, on which the calls are made, too."""
    local = service(folder)
    create_queues(local)
    blocking = what == "blocking"
    app, noop = application(builder(local, "sync" if blocking else "async", "endpoint"), sync=blocking)
    seen: list[holds.Hold] = []
    async with local.running(app), asyncio.TaskGroup() as group:
        if frozen:
            freeze()
        watching = group.create_task(holds.watch(seen))
        first = monotonic()
        match what:
            case "flow":
                await enqueue_async(in_turns(noop))
                await asyncio.to_thread(hearer.outcome)
            case "blocking":
                await asyncio.to_thread(enqueue, in_turns(noop), THREADS)
                await asyncio.to_thread(hearer.outcome)
            case _:
                await port.lateness(scheduled_in_turns(noop), hearer)
        during = first, monotonic()
        watching.cancel()
    return holds.figures(seen, during)


def at_a_port(folder: str, hearer: Hearer, what: str) -> dict[str, float]:
    """Measured in the service's own process, while another makes the calls and a third is the worker."""
    seen = Path(folder) / "holds.json"
    listening = servers.free_port()
    command = [sys.executable, "-m", "bench.contestants.watched_service", str(seen), *port.options(folder, listening)]
    with servers.server(command, listening), servers.uvicorn("bench.contestants.port:receiver") as url:
        first = monotonic()
        on_loop(port.measure(f"127.0.0.1:{listening}", url, what, hearer))
        during = first, monotonic()
    return holds.figures(holds.read(seen), during)


def main(where: str, what: str) -> None:
    with Hearer(TASKS) as hearer, TemporaryDirectory() as folder:
        if where == "port":
            measured = at_a_port(folder, hearer, what)
        else:
            measured = on_loop(inside(folder, hearer, what, frozen=where == "frozen"))
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
