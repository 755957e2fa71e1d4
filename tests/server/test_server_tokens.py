"""Tokens that the local service signs, and workers that check them: the same check as on Google."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from fastapi import APIRouter, FastAPI, Request
from google.cloud.tasks_v2 import HttpRequest, OAuthToken, OidcToken, Task

from fastapi_gcp_tasks import (
    AsyncDelayedRouteBuilder,
    DelayedRouteBuilder,
    LocalService,
    as_async_delayed_task,
    as_delayed_task,
)
from fastapi_gcp_tasks.dependencies import verify_oidc
from fastapi_gcp_tasks.hooks import oidc_delayed_hook
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from server.server_apps import QUEUE, URL, Done, serving
from targets.targets_workers import serving as serving_http

ACCOUNT = "tasks@my-project.iam.gserviceaccount.com"
AUDIENCE = "https://worker.example.com"


class Seen:
    """An app that keeps the `Authorization` headers of its requests."""

    def __init__(self) -> None:
        self.authorizations: Done = Done()
        self.app = FastAPI()

        @self.app.post("/{path:path}")
        async def see(request: Request) -> None:
            self.authorizations.append(request.headers.getlist("authorization"))


async def sent_in_process(request: dict[str, Any], database: str = "memory:", **options: Any) -> list[str]:
    """The `Authorization` headers of a task in process."""
    local, seen = LocalService(database, app_url=URL, **options), Seen()
    local.install(seen.app)
    local.tasks_client().create_task({"parent": QUEUE, "task": {"http_request": {"url": f"{URL}/task?a=b", **request}}})
    async with serving(seen.app):
        await seen.authorizations.reach(1)
    (headers,) = seen.authorizations
    return list(headers)


def claims_of(headers: list[str]) -> dict[str, Any]:
    (header,) = headers
    assert header.startswith("Bearer ")
    claims: dict[str, Any] = jwt.decode(header[7:], options={"verify_signature": False})
    return claims


def key_id_of(headers: list[str]) -> str:
    return str(jwt.get_unverified_header(headers[0][7:])["kid"])


async def test_an_id_token_says_what_googles_say() -> None:
    """CT-232, CT-L1: signed for any account; the audience is the URL with its query unless the task names one."""
    claims = claims_of(await sent_in_process({"oidc_token": {"service_account_email": ACCOUNT}}))
    assert claims.pop("exp") - claims.pop("iat") == 3600
    assert claims.pop("sub") == claims.pop("azp")
    assert claims == {"iss": URL, "aud": f"{URL}/task?a=b", "email": ACCOUNT, "email_verified": True}
    named = {"service_account_email": ACCOUNT, "audience": "https://worker.example.com"}
    claims = claims_of(await sent_in_process({"oidc_token": named}, issuer="https://issuer.example.com"))
    assert (claims["iss"], claims["aud"]) == ("https://issuer.example.com", "https://worker.example.com")


async def test_the_token_replaces_a_header_of_the_task_itself() -> None:
    """CT-172; without a token the header passes (CT-173)."""
    own = {"headers": {"Authorization": "Basic YTpi"}}
    assert await sent_in_process(own) == ["Basic YTpi"]
    assert claims_of(await sent_in_process({**own, "oidc_token": {"service_account_email": ACCOUNT}}))


async def test_an_access_token_is_a_text_of_its_own() -> None:
    """CT-234, CT-L12."""
    local, seen = LocalService("memory:", app_url="https://tasks.googleapis.com"), Seen()
    local.install(seen.app)
    url = "https://tasks.googleapis.com/task"
    for scope in ("a", "b", "a"):
        token = OAuthToken(service_account_email=ACCOUNT, scope=scope)
        local.tasks_client().create_task(parent=QUEUE, task=Task(http_request=HttpRequest(url=url, oauth_token=token)))
    async with serving(seen.app):
        await seen.authorizations.reach(3)
    first, second, third = sorted(headers[0] for headers in seen.authorizations)
    assert first.startswith("Bearer local-")
    assert (first == second) != (second == third)


async def test_the_key_is_made_once_and_stays_with_the_database(tmp_path: Path) -> None:
    database, request = str(tmp_path / "tasks.db"), {"oidc_token": {"service_account_email": ACCOUNT}}
    first, second = [key_id_of(await sent_in_process(request, database)) for _ in range(2)]
    assert first == second
    assert key_id_of(await sent_in_process(request)) != first


async def test_many_tasks_that_need_the_key_at_once_have_the_same() -> None:
    local, seen = LocalService("memory:", app_url=URL), Seen()
    local.install(seen.app)
    for number in range(50):
        token = OidcToken(service_account_email=ACCOUNT, audience=f"https://{number}.example.com")
        local.tasks_client().create_task(
            parent=QUEUE, task=Task(http_request=HttpRequest(url=f"{URL}/task", oidc_token=token))
        )
    async with serving(seen.app):
        await seen.authorizations.reach(50)
    assert len({key_id_of(headers) for headers in seen.authorizations}) == 1
    assert len({claims_of(headers)["aud"] for headers in seen.authorizations}) == 50


def router_with(builder: Callable[..., Any], audience: str, **options: Any) -> APIRouter:
    """A router whose tasks carry a token for that audience, and whose worker wants one for `AUDIENCE`."""
    hook = oidc_delayed_hook(OidcToken(service_account_email=ACCOUNT, audience=audience))
    verify = verify_oidc(audience=AUDIENCE, service_accounts=[ACCOUNT])
    return APIRouter(route_class=builder(queue_path=QUEUE, pre_create_hook=hook, verify=verify, **options))


async def test_a_worker_in_process_checks_the_token_without_any_network() -> None:
    local, app, done = LocalService("memory:", app_url=URL), FastAPI(), Done()
    client = local.tasks_client()
    right = router_with(DelayedRouteBuilder, AUDIENCE, client=client, base_url=URL)
    wrong = router_with(DelayedRouteBuilder, "https://other.example.com", client=client, base_url=URL)

    @as_delayed_task
    @right.post("/right")
    async def let_in() -> None:
        done.append("right")

    @as_delayed_task
    @wrong.post("/wrong")
    async def kept_out() -> None:
        done.append("wrong")

    app.include_router(right)
    app.include_router(wrong)
    local.install(app)
    kept_out.delay()
    let_in.delay()

    def codes() -> list[int]:
        return [task.last_attempt.response_status.code for task in client.list_tasks(parent=QUEUE)]

    async with serving(app):
        await done.until(lambda: codes() == [16])  # UNAUTHENTICATED, the answer 401
    assert done == ["right"]


async def test_a_worker_elsewhere_finds_the_keys_where_the_environment_names_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, done = FastAPI(), Done()
    async with emulating(PortSettings(port=0, create_queues=True)) as emulator, serving_http(app) as url:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", emulator.address)
        router = router_with(AsyncDelayedRouteBuilder, AUDIENCE, base_url=url)

        @as_async_delayed_task
        @router.post("/task")
        async def task() -> None:
            done.append("ran")

        app.include_router(router)
        await task.delay()
        await done.reach(1)


async def test_the_discovery_document_leads_to_the_key_by_the_address_that_was_asked() -> None:
    async with (
        emulating(PortSettings(port=0, issuer="https://issuer.example.com")) as emulator,
        aiohttp.ClientSession(f"http://{emulator.address}") as session,
    ):
        document = await (await session.get("/.well-known/openid-configuration")).json()
        assert document["issuer"] == "https://issuer.example.com"
        assert document["jwks_uri"] == f"http://{emulator.address}/.well-known/jwks.json"
        (key,) = (await (await session.get(document["jwks_uri"])).json())["keys"]
        assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}


async def test_the_issuer_on_a_port_is_its_own_address_unless_it_is_named() -> None:
    async with (
        emulating(PortSettings(port=0)) as emulator,
        aiohttp.ClientSession(f"http://{emulator.address}") as session,
    ):
        document = await (await session.get("/.well-known/openid-configuration")).json()
        assert document["issuer"] == f"http://{emulator.address}"
