"""The application that joins the routes of all parts, asked over a socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gcptasks import __version__
from gcptasks.web.app import make_app
from gcptasks.web.health import health_routes

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def serving(app: web.Application) -> AsyncGenerator[Client]:
    async with TestClient(TestServer(app)) as client:
        yield client


async def show_job(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.method} {request.match_info['job']}")


JOBS = (web.get("/jobs/{job}", show_job), web.post("/jobs/{job}:run", show_job))


async def test_each_part_brings_its_routes() -> None:
    async with serving(make_app([*health_routes(lambda: True), *JOBS], services={})) as client:
        assert (await client.get("/health")).status == 200
        assert await (await client.get("/jobs/a")).text() == "GET a"
        assert await (await client.post("/jobs/a:run")).text() == "POST a"


async def test_health_says_at_each_call_whether_this_process_delivers() -> None:
    leads = iter([False, True])
    async with serving(make_app(health_routes(lambda: next(leads)), services={})) as client:
        for delivers in (False, True):
            health = await (await client.get("/health")).json()
            assert health == {"status": "ok", "version": __version__, "delivers": delivers}


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("DELETE", "/health"), ("POST", "/jobs/a")])
async def test_where_nothing_is_the_text_names_what_is_there(method: str, path: str) -> None:
    """CT-L14: a 404 with a short plain text, made from the services and the routes that are served."""
    services = {"example.tasks.v1.Tasks": ["/v1/"], "example.jobs.v1.Jobs": ["/v1/", "/v2/"]}
    async with serving(make_app([*health_routes(lambda: True), *JOBS], services=services)) as client:
        response = await client.request(method, path)
        assert (response.status, response.content_type) == (404, "text/plain")
        assert await response.text() == (
            f"There is nothing at {method} {path}.\n"
            "This port serves over gRPC, and over REST at Google's paths:\n"
            "  example.tasks.v1.Tasks (/v1/…)\n"
            "  example.jobs.v1.Jobs (/v1/…, /v2/…)\n"
            "and over HTTP:\n"
            "  GET /health\n"
            "  GET /jobs/{job}\n"
            "  POST /jobs/{job}:run\n"
        )


async def test_a_route_that_answers_404_of_its_own_is_left_alone() -> None:
    async def missing(_: web.Request) -> web.Response:
        return web.json_response({"error": "no such job"}, status=404)

    async with serving(make_app([web.get("/jobs/{job}", missing)], services={})) as client:
        assert await (await client.get("/jobs/a")).json() == {"error": "no such job"}
