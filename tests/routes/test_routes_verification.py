"""Who may call a task's endpoint: api.md section 5."""

import logging
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import jwt
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from hypothesis import given
from hypothesis import strategies as st

from fastapi_gcp_tasks import AsyncDelayedRouter, DelayedRouter, DoNotRetry, RetryLater, task_route
from fastapi_gcp_tasks.dependencies import verify_oidc, verify_secret
from gcptasks.base.asgi import DELIVERY, Delivery
from gcptasks.worker import issuer_keys
from routes.routes_fakes import QUEUE, URL, FakeClient, async_delayed_router, delayed_router, exchange
from worker.worker_issuer import ACCOUNT, AUDIENCE, Issuer, private_key, token

NOW = int(time.time())
ISSUER = Issuer("first")
"""One for all tests: keys are kept for the whole process."""


@pytest.fixture(autouse=True, scope="module")
def published() -> Generator[None]:
    with ISSUER:
        yield


def checked(**options: Any) -> FastAPI:
    """An app whose task wants a token."""
    given: dict[str, Any] = {"audience": AUDIENCE, "service_accounts": [ACCOUNT], "issuer": ISSUER.url, **options}
    return app_of(delayed_router(FakeClient(), verify=verify_oidc(**given)))


def app_of(router: APIRouter) -> FastAPI:
    app = FastAPI()

    @router.post("/task")
    async def task() -> str:
        return "ran"

    app.include_router(router)
    return app


async def status_of(app: FastAPI, authorization: str | None, **scope: Any) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    status, _, body = await exchange(app, "POST", "/task", headers, **scope)
    assert (b"ran" in body) is (status == 200)
    return status


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_of_the_account_is_let_in(scheme: str) -> None:
    assert await status_of(checked(), f"{scheme} {token(ISSUER.url)}") == 200


async def test_several_audiences_and_accounts_may_be_named() -> None:
    app = checked(audience=["https://other.example.com", AUDIENCE], service_accounts=("other@example.com", ACCOUNT))
    assert await status_of(app, f"Bearer {token(ISSUER.url)}") == 200
    assert await status_of(app, f"Bearer {token(ISSUER.url, aud=['https://a.example.com', AUDIENCE])}") == 200


REFUSED = {
    "another audience": (401, {"aud": "https://worker.example.com/tasks/"}),
    "no audience": (401, {"aud": None}),
    "expired": (401, {"exp": NOW - 60}),
    "no expiry": (401, {"exp": None}),
    "not yet issued": (401, {"iat": NOW + 600}),
    "not yet valid": (401, {"nbf": NOW + 600}),
    "another account": (403, {"email": "eve@example.com"}),
    "the account in other letters": (403, {"email": ACCOUNT.upper()}),
    "no account": (403, {"email": None}),
    "an account that nobody verified": (403, {"email_verified": False}),
    "an account that is verified by text": (403, {"email_verified": "true"}),
    "nothing said of verification": (403, {"email_verified": None}),
    "signed by another key": (401, {"signed_by": "forged"}),
    "an unknown key": (401, {"key_id": "unknown"}),
    "another issuer": (401, {"issuer": "https://evil.example.com"}),
}


@pytest.mark.parametrize(("status", "change"), REFUSED.values(), ids=REFUSED)
async def test_any_other_token_is_refused_and_the_reason_is_in_the_log_alone(
    status: int, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    sent = token(**{"issuer": ISSUER.url, **change})
    answered, headers, body = await exchange(checked(), "POST", "/task", {"Authorization": f"Bearer {sent}"})
    assert answered == status
    assert body == {401: b'{"detail":"not authenticated"}', 403: b'{"detail":"not permitted"}'}[status]
    assert headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    (warning,) = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert warning.startswith("/task is refused to its caller: ")
    assert sent not in warning


@pytest.mark.parametrize("sent", ["https://worker.example.com/tasks/", ["https://a.example.com"], 7, "a\nb"])
async def test_the_log_has_both_audiences_of_a_token_for_another(sent: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = checked(audience=[AUDIENCE, "https://b.example.com"])
    assert await status_of(app, f"Bearer {token(ISSUER.url, aud=sent)}") == 401
    (warning,) = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert f"is for the audience {sent!r}, not for {AUDIENCE!r} or 'https://b.example.com'" in warning


@pytest.mark.parametrize("skew", [-8, 8])
async def test_clocks_may_differ_by_some_seconds(skew: int) -> None:
    now = int(time.time())
    times: dict[str, Any] = {"exp": now - 8} if skew < 0 else {"iat": now + 8}
    assert await status_of(checked(), f"Bearer {token(ISSUER.url, **times)}") == 200


async def test_the_algorithm_is_not_the_callers_to_choose() -> None:
    claims = jwt.decode(token(ISSUER.url), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "first"})
    shared = jwt.encode(claims, "A" * 32, algorithm="HS256", headers={"kid": "first"})
    other = jwt.encode(claims, private_key("first"), algorithm="RS512", headers={"kid": "first"})
    for forged in (unsigned, shared, other):
        assert await status_of(checked(), f"Bearer {forged}") == 401


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer a b"])
async def test_what_is_no_token_is_401(sent: str | None) -> None:
    assert await status_of(checked(), sent) == 401


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126)))
async def test_nothing_that_is_sent_makes_it_fail(text: str) -> None:
    assert await status_of(checked(), f"Bearer {text}") == 401


async def test_a_token_whose_parts_were_exchanged_is_401() -> None:
    header, payload, signature = token(ISSUER.url).split(".")
    _, other, _ = token(ISSUER.url, email="eve@example.com").split(".")
    for forged in (f"{header}.{other}.{signature}", f"{header}.{payload}.", f"{header}.{payload}.{signature}a"):
        assert await status_of(checked(), f"Bearer {forged}") == 401


async def test_a_signature_that_cloud_run_removed_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    sent = token(ISSUER.url).rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"
    assert await status_of(checked(), f"Bearer {sent}") == 401
    assert "use verify=False" in caplog.text


async def test_keys_that_cannot_be_had_are_503_so_that_the_queue_tries_again() -> None:
    with Issuer("first") as down:
        app = checked(issuer=down.url)
        down.works = False
        assert await status_of(app, f"Bearer {token(down.url)}") == 503


async def test_a_new_key_that_cannot_be_had_is_503_while_the_old_ones_still_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token may be good: the issuer has a new key, and is down."""
    with Issuer("first") as issuer:
        app = checked(issuer=issuer.url)
        assert await status_of(app, f"Bearer {token(issuer.url)}") == 200
        assert await status_of(app, f"Bearer {token(issuer.url, 'second')}") == 401
        issuer.works = False
        monkeypatch.setattr(issuer_keys, "_UNKNOWN_KEY", 0.0)
        assert await status_of(app, f"Bearer {token(issuer.url, 'second')}") == 503
        assert await status_of(app, f"Bearer {token(issuer.url)}") == 200


async def test_unless_an_issuer_is_named_it_is_google_alone(caplog: pytest.LogCaptureFixture) -> None:
    """No test leaves this machine, so Google's keys cannot be had."""
    app = app_of(delayed_router(FakeClient(), verify=verify_oidc(audience=AUDIENCE, service_accounts=[ACCOUNT])))
    assert await status_of(app, f"Bearer {token(ISSUER.url)}") == 401
    for google in ("https://accounts.google.com", "accounts.google.com"):
        assert await status_of(app, f"Bearer {token(google)}") == 503
    assert "the keys of https://accounts.google.com cannot be fetched" in caplog.text


@pytest.mark.parametrize(
    "router",
    [
        delayed_router(FakeClient(), verify=verify_secret("X-Secret", "a")),
        async_delayed_router(verify=verify_secret("X-Secret", "a")),
        DelayedRouter(queue_path=QUEUE, base_url=URL, verify=verify_secret("X-Secret", "a")),
        AsyncDelayedRouter(queue_path=QUEUE, base_url=URL, verify=verify_secret("X-Secret", "a")),
    ],
    ids=["builder", "async builder", "router", "async router"],
)
async def test_each_kind_of_router_verifies_on_all_its_routes(router: APIRouter) -> None:
    app, ran = FastAPI(), list[str]()
    for path in ("/one", "/two"):

        def task() -> None:
            ran.append("ran")

        router.post(path)(task)
    app.include_router(router)
    for path in ("/one", "/two"):
        assert (await exchange(app, "POST", path))[0] == 403
        assert ran == []
        assert (await exchange(app, "POST", path, {"X-Secret": "a"}))[0] == 200
        assert ran.pop() == "ran"


@pytest.mark.parametrize("variable", ["CLOUD_TASKS_EMULATOR_HOST", "CLOUD_SCHEDULER_EMULATOR_HOST"])
async def test_tokens_of_the_emulator_are_accepted_where_the_environment_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with Issuer("first") as emulator:
        emulator.calls_itself = "http://emulator.local"
        app, sent = checked(), f"Bearer {token('http://emulator.local')}"
        assert await status_of(app, sent) == 401
        monkeypatch.setenv(variable, emulator.host)
        assert await status_of(app, sent) == 200
        assert await status_of(app, f"Bearer {token(ISSUER.url)}") == 200
        assert await status_of(app, f"Bearer {token('https://evil.example.com')}") == 401


async def test_in_process_the_keys_come_with_the_delivery_and_nobody_can_send_them() -> None:
    delivery = Delivery("http://app.local", {"first": private_key("first").public_key()})
    sent = f"Bearer {token('http://app.local')}"
    assert await status_of(checked(), sent, **{DELIVERY: delivery}) == 200
    forged = f"Bearer {token('http://app.local', signed_by='forged')}"
    assert await status_of(checked(), forged, **{DELIVERY: delivery}) == 401
    assert await status_of(checked(), sent) == 401


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"audience": ""}, "audience must not be empty"),
        ({"audience": []}, "audience must not be empty"),
        ({"service_accounts": []}, "service_accounts must not be empty"),
        ({"service_accounts": [" "]}, "service_accounts must not be empty"),
        ({"issuer": "accounts.google.com"}, "issuer must be a URL"),
    ],
)
def test_a_check_that_would_let_everybody_in_is_refused_where_it_is_written(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        checked(**options)


def test_one_account_is_given_in_a_list() -> None:
    with pytest.raises(TypeError, match="service_accounts is a list"):
        checked(service_accounts=ACCOUNT)


@pytest.mark.parametrize(
    ("sent", "status"),
    [("opensesame", 200), ("opensesamE", 403), ("opensesame ", 403), ("opensesamé", 403), ("", 403), (None, 403)],
)
async def test_a_secret_is_compared_whole(sent: str | None, status: int) -> None:
    app = app_of(delayed_router(FakeClient(), verify=verify_secret("X-Queue-Secret", "opensesame")))
    headers = {} if sent is None else {"X-Queue-Secret": sent}
    answered, _, body = await exchange(app, "POST", "/task", headers)
    assert answered == status
    assert status == 200 or body == b'{"detail":"not permitted"}'


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("X-Secret", "", "the secret is blank"),
        ("X-Secret", " \t", "the secret is blank"),
        ("X Secret", "a", "is not a name that a header can have"),
        ("X-Secret", "ä", "carries printable ASCII"),
        ("X-CloudTasks-Secret", "a", "sets the header"),
    ],
)
def test_a_secret_that_cannot_work_is_refused_where_it_is_written(header: str, value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        verify_secret(header, value)


@pytest.fixture
def unwarned(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process."""
    monkeypatch.setattr(task_route, "_warned", type(task_route._warned)())


async def warnings_of(app: FastAPI, caplog: pytest.LogCaptureFixture, **scope: Any) -> list[str]:
    for _ in range(2):
        assert (await exchange(app, "POST", "/task", **scope))[0] == 200
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


@pytest.mark.usefixtures("unwarned")
@pytest.mark.parametrize("router", [delayed_router(FakeClient()), async_delayed_router()], ids=["sync", "async"])
async def test_there_is_one_warning_where_nobody_verifies(router: APIRouter, caplog: pytest.LogCaptureFixture) -> None:
    fresh = APIRouter(route_class=router.route_class)
    (warning,) = await warnings_of(app_of(fresh), caplog)
    assert warning.startswith("/task ran for a caller that nobody verified")


@pytest.mark.usefixtures("unwarned")
@pytest.mark.parametrize("error", [RetryLater(after=5), DoNotRetry("enough"), ZeroDivisionError("in the task")])
async def test_the_first_request_counts_though_its_task_fails(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    app, router = FastAPI(), delayed_router(FakeClient())

    @router.post("/task")
    async def task() -> None:
        raise error

    app.include_router(router)
    for _ in range(2):
        with suppress(ZeroDivisionError):
            await exchange(app, "POST", "/task")
    assert len([one for one in caplog.records if "that nobody verified" in one.getMessage()]) == 1


@pytest.mark.usefixtures("unwarned")
async def test_a_request_that_a_check_of_the_users_own_refused_is_none_that_nobody_verified(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse() -> None:
        raise HTTPException(401)

    app, router = FastAPI(dependencies=[Depends(refuse)]), delayed_router(FakeClient())

    @router.post("/task")
    async def task() -> None: ...

    app.include_router(router)
    assert (await exchange(app, "POST", "/task"))[0] == 401
    assert [one for one in caplog.records if one.levelno == logging.WARNING] == []


@pytest.mark.usefixtures("unwarned")
async def test_there_is_none_where_the_platform_verifies(caplog: pytest.LogCaptureFixture) -> None:
    assert await warnings_of(app_of(delayed_router(FakeClient(), verify=False)), caplog) == []


@pytest.mark.usefixtures("unwarned")
async def test_there_is_none_for_a_task_of_the_service_in_this_process(caplog: pytest.LogCaptureFixture) -> None:
    app = app_of(delayed_router(FakeClient()))
    assert await warnings_of(app, caplog, **{DELIVERY: Delivery("http://app.local", {})}) == []


@pytest.mark.usefixtures("unwarned")
async def test_a_verification_on_the_app_or_a_router_counts(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI(dependencies=[Depends(verify_secret("X-Secret", "a"))])
    router = delayed_router(FakeClient())

    @router.post("/task")
    async def task() -> None: ...

    app.include_router(router)
    assert (await exchange(app, "POST", "/task", {"X-Secret": "a"}))[0] == 200
    assert [one for one in caplog.records if one.levelno == logging.WARNING] == []


@pytest.mark.parametrize("verify", [True, "secret", print])
def test_a_builder_takes_no_other_verification(verify: Any) -> None:
    with pytest.raises(TypeError, match="verify must be made by verify_oidc or verify_secret, or be False"):
        delayed_router(FakeClient(), verify=verify)


async def test_a_router_that_is_included_twice_verifies_once_per_request() -> None:
    asked: list[str] = []
    verify = verify_secret("X-Secret", "a")
    router = delayed_router(FakeClient(), verify=verify)

    @router.post("/task")
    async def task() -> None: ...

    outer, app = APIRouter(), FastAPI()
    outer.include_router(router, prefix="/inner")
    app.include_router(outer, prefix="/outer")
    app.dependency_overrides[verify] = lambda: asked.append("verified")
    assert (await exchange(app, "POST", "/outer/inner/task"))[0] == 200
    assert asked == ["verified"]


def test_an_app_that_verifies_loads_no_cryptography_before_its_first_request() -> None:
    program = """
    import sys
    from fastapi_gcp_tasks.dependencies import verify_oidc
    verify_oidc(audience="a", service_accounts=["b"])
    print(sorted(sys.modules.keys() & {"jwt", "cryptography", "google.cloud.tasks_v2"}))
    """
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in program.splitlines())],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "[]\n"
