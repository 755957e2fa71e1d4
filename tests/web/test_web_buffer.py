"""BufferTask: what is sent to a queue becomes a task (section 19 of the contract)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from service.service_world import Place, Worker, working
from web.web_clients import LOCATION, QUEUE, Rest

BUFFER = f"/v2/{QUEUE}/tasks:buffer"
NAMED = f"/v2/{QUEUE}/tasks/t:buffer"
ELSEWHERE = {"uriOverride": {"host": "example.net"}}
NO_HOST = "BufferTask needs a queue whose http_target has a uri_override with a host."


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with working() as running:
        yield running


@pytest.fixture
def place(worker: Worker) -> Place:
    return worker.place()


async def _queue(rest: Rest, target: dict[str, Any] | None, *, paused: bool = True) -> None:
    queue = {"name": QUEUE} | ({} if target is None else {"httpTarget": target})
    assert (await rest.ask("POST", f"/v2/{LOCATION}/queues", queue)).status == 200
    if paused:
        await rest.ask("POST", f"/v2/{QUEUE}:pause")


async def _stored(rest: Rest, name: str) -> Any:
    return (await rest.ask("GET", f"/v2/{name}?responseView=FULL")).json["httpRequest"]


def _to(place: Place) -> dict[str, Any]:
    host, _, port = place.server.partition(":")
    path = f"/{place.url.rpartition('/')[2]}"
    return {"uriOverride": {"scheme": "HTTP", "host": host, "port": port, "pathOverride": {"path": path}}}


@pytest.mark.parametrize("version", ["v2", "v2beta3"])
async def test_what_is_sent_to_a_queue_arrives_at_its_worker(rest: Rest, place: Place, version: str) -> None:
    """CT-005, CT-228, CT-231."""
    await _queue(rest, _to(place), paused=False)
    path = f"/{version}/{QUEUE}/tasks:buffer"
    answer = await rest.ask("POST", path, b"\0\xff", Content_Type="application/octet-stream", X_Own="1")
    task = answer.json["task"]
    assert (answer.status, list(answer.json), task["view"]) == (200, ["task"], "BASIC")
    assert task["name"].rpartition("/")[2].isdigit()
    request = await asyncio.to_thread(place.received)
    assert (request.method, request.body) == ("POST", b"\0\xff")
    assert request.header("Content-Type") == "application/octet-stream"
    assert (request.header("X-Own"), request.header("User-Agent")) == ("1", "Google-Cloud-Tasks")


async def test_the_url_of_the_task_is_that_of_the_queue(rest: Rest) -> None:
    """CT-223, CT-226, CT-228: with the queue's token."""
    override = {
        "host": "example.net",
        "port": 8443,
        "pathOverride": {"path": "/p"},
        "queryOverride": {"queryParams": "q=1"},
        "uriOverrideEnforceMode": "IF_NOT_EXISTS",
    }
    token = {"serviceAccountEmail": "a@example.com"}
    await _queue(rest, {"uriOverride": override, "oidcToken": token})
    task = (await rest.ask("POST", NAMED, {})).json["task"]
    url = "https://example.net:8443/p?q=1"
    assert (task["name"], task["httpRequest"]["url"]) == (f"{QUEUE}/tasks/t", url)
    assert task["httpRequest"]["oidcToken"] == {**token, "audience": url}


async def test_the_body_is_taken_as_it_is(rest: Rest) -> None:
    """CT-230: what looks like a task is the body of one."""
    await _queue(rest, ELSEWHERE)
    sent = '{"task": {"scheduleTime": "2030-01-01T00:00:00Z"}, "body": "x"}'
    name = (await rest.ask("POST", BUFFER, sent)).json["task"]["name"]
    request = await _stored(rest, name)
    assert request["body"] == "eyJ0YXNrIjogeyJzY2hlZHVsZVRpbWUiOiAiMjAzMC0wMS0wMVQwMDowMDowMFoifSwgImJvZHkiOiAieCJ9"
    assert request["url"] == "https://example.net/"


async def test_a_task_may_have_no_body(rest: Rest) -> None:
    await _queue(rest, ELSEWHERE)
    answer = await rest.ask("POST", BUFFER)
    assert answer.status == 200
    assert "body" not in await _stored(rest, answer.json["task"]["name"])


async def test_what_a_client_says_to_the_service_is_not_for_the_worker(rest: Rest) -> None:
    await _queue(rest, ELSEWHERE)
    answer = await rest.ask(
        "POST", NAMED, {}, Authorization="Bearer secret", Accept="*/*", Cookie="a=b", X_Goog_Api_Client="x", X_Own="1"
    )
    headers = answer.json["task"]["httpRequest"]["headers"]
    assert headers == {"Content-Type": "application/json", "X-Own": "1", "User-Agent": "Google-Cloud-Tasks"}


async def test_an_id_cannot_be_used_twice(rest: Rest) -> None:
    """CT-128, CT-231."""
    await _queue(rest, ELSEWHERE)
    assert (await rest.ask("POST", NAMED, {})).status == 200
    again = await rest.ask("POST", NAMED, {})
    assert (again.status, again.message) == (409, "Requested entity already exists")
    wrong = await rest.ask("POST", f"/v2/{QUEUE}/tasks/a.b:buffer", {})
    assert (wrong.status, wrong.message.partition(" can ")[0]) == (400, 'Task ID "a.b"')


@pytest.mark.parametrize("target", [None, {}, {"httpMethod": "PUT"}, {"uriOverride": {"port": 1}}], ids=str)
async def test_a_queue_that_leads_nowhere_is_refused(rest: Rest, target: dict[str, Any] | None) -> None:
    """CT-229."""
    await _queue(rest, target)
    answer = await rest.ask("POST", BUFFER, {})
    assert (answer.status, answer.json["error"]["status"], answer.message) == (400, "INVALID_ARGUMENT", NO_HOST)
    assert (await rest.ask("GET", f"/v2/{QUEUE}/tasks")).json == {}


async def test_a_queue_that_is_not_there_is_not_found(rest: Rest) -> None:
    """CT-051, CT-110."""
    answer = await rest.ask("POST", BUFFER, {})
    assert (answer.status, answer.message.partition(".")[0]) == (404, "Queue does not exist")


async def test_the_form_of_the_response_can_be_chosen(rest: Rest) -> None:
    """CT-320."""
    await _queue(rest, ELSEWHERE)
    answer = await rest.ask("POST", f"{NAMED}?prettyPrint=false&fields=task.name", {})
    assert answer.text == f'{{"task":{{"name":"{QUEUE}/tasks/t"}}}}'
    wrong = await rest.ask("POST", f"{BUFFER}?scheduleTime=1", {})
    assert (wrong.status, wrong.message.partition(":")[0]) == (400, "BufferTask has no parameter scheduleTime")


async def test_a_body_that_is_too_large_is_refused(rest: Rest) -> None:
    """CT-100."""
    await _queue(rest, ELSEWHERE)
    answer = await rest.ask("POST", BUFFER, b"x" * 1_048_570, Content_Type="image/png")
    assert (answer.status, answer.message) == (400, "Task size too large")


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain; charset=utf-8",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ],
)
async def test_what_a_web_page_may_send_without_asking_is_refused(rest: Rest, kind: str) -> None:
    await _queue(rest, ELSEWHERE)
    answer = await rest.ask("POST", BUFFER, b"x", Content_Type=kind)
    assert (answer.status, answer.text.partition(" needs ")[0]) == (415, "A task's body")
    foreign = await rest.ask("POST", BUFFER, {}, Origin="https://evil.example.com")
    assert foreign.status == 403
    assert (await rest.ask("GET", f"/v2/{QUEUE}/tasks")).json == {}


async def test_a_body_without_a_type_is_refused(rest: Rest) -> None:
    """A page can leave the type out, too."""
    await _queue(rest, ELSEWHERE)
    async with rest.session.post(BUFFER, data=b"x", skip_auto_headers=["Content-Type"]) as response:
        assert response.status == 415
