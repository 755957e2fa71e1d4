"""Applications for `dev`, and what a test does with one that runs."""

import socket
from collections.abc import Callable

from cli.cli_programs import Program, get

APP = """
import os
from fastapi import APIRouter, FastAPI
from fastapi_gcp_tasks import DelayedRouteBuilder, as_delayed_task

Route = DelayedRouteBuilder(base_url=os.environ["BASE_URL"], queue_path="projects/p/locations/l/queues/q")
tasks = APIRouter(route_class=Route)

@as_delayed_task
@tasks.post("/hello")
async def hello(word: str) -> None:
    print(f"hello {word}, I am the old one", flush=True)

app = FastAPI()
app.include_router(tasks)

@app.get("/trigger")
def trigger(word: str, countdown: float = 0) -> str:
    return hello.options(countdown=countdown).delay(word=word).name

@app.get("/environment")
def environment() -> dict[str, str]:
    return dict(os.environ)
"""
PLAIN = "from fastapi import FastAPI\napp = FastAPI()\n"


class Dev:
    """A started `dev`, and where its two halves are."""

    def __init__(self, program: Program, port: int) -> None:
        self.program = program
        self.port = port
        self.url = f"http://localhost:{port}"
        program.wait(rf"^application +{self.url}$")
        self.service = program.wait(r"^local tasks +([^\s,]+)")[1]


StartDev = Callable[..., Dev]


def up(dev: Dev) -> Dev:
    """The same, once its application answers."""
    get(f"{dev.url}/openapi.json")
    return dev


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
