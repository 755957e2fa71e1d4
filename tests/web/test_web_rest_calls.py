"""Every call of Cloud Tasks over REST, at its path and over a port, one after the other."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gcptasks.service import served
from gcptasks.service.cloud_tasks import METHODS
from gcptasks.web.paths import Paths
from web.web_clients import LOCATION, QUEUE, Answer, Rest

PATHS = Paths(served.METHODS.values())
TASK = f"{QUEUE}/tasks/t"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
LATER = TOMORROW.isoformat().replace("+00:00", "Z")
NEW_TASK = {"httpRequest": {"url": "http://127.0.0.1:9/", "body": "aGk="}, "scheduleTime": LATER}
KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"


async def test_all_calls_are_served_at_their_paths(rest: Rest) -> None:
    """CT-009 to CT-017, CT-148, CT-323, CT-328, CT-331: what is empty over gRPC is `{}`."""
    called: set[str] = set()

    async def ask(method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if found := PATHS.find(headers.get("X_HTTP_Method_Override", method), f"/v2/{path}".partition("?")[0]):
            called.add(found.method.name)
        answer = await rest.ask(method, f"/v2/{path}", body, **headers)
        assert (answer.status, answer.content_type) == (200, "application/json; charset=UTF-8"), answer.text
        return answer

    queues = f"{LOCATION}/queues"
    assert (await ask("POST", queues, {"name": QUEUE, "retryConfig": {"maxAttempts": 7}})).json["name"] == QUEUE
    assert [queue["name"] for queue in (await ask("GET", queues)).json["queues"]] == [QUEUE]
    assert (await ask("GET", QUEUE)).json["retryConfig"]["maxAttempts"] == 7
    change = {"rate_limits": {"max_dispatches_per_second": 5}}
    mask = "updateMask=rateLimits.maxDispatchesPerSecond"
    assert (await ask("PATCH", f"{QUEUE}?{mask}", change)).json["rateLimits"]["maxDispatchesPerSecond"] == 5
    change = {"rateLimits": {"maxDispatchesPerSecond": 6}}
    patched = await ask("POST", f"{QUEUE}?{mask}", change, X_HTTP_Method_Override="PATCH")
    assert (patched.json["rateLimits"]["maxDispatchesPerSecond"], patched.json["retryConfig"]["maxAttempts"]) == (6, 7)
    assert (await ask("POST", f"{QUEUE}:pause")).json["state"] == "PAUSED"
    assert (await ask("POST", f"{QUEUE}:resume", {})).json["state"] == "RUNNING"
    assert (await ask("POST", f"{QUEUE}:purge", {})).json["purgeTime"].endswith("Z")

    policy = {"bindings": [{"role": "roles/cloudtasks.viewer", "members": ["user:a@example.com"]}]}
    assert (await ask("POST", f"{QUEUE}:setIamPolicy", {"policy": policy})).json["bindings"] == policy["bindings"]
    assert (await ask("POST", f"{QUEUE}:getIamPolicy")).json["bindings"] == policy["bindings"]
    asked = {"permissions": ["cloudtasks.tasks.run"]}
    assert (await ask("POST", f"{QUEUE}:testIamPermissions", asked)).json == asked

    created = await ask("POST", f"{QUEUE}/tasks", {"task": {"name": TASK, **NEW_TASK}, "responseView": "FULL"})
    assert created.json["httpRequest"]["body"] == "aGk="
    assert [task["name"] for task in (await ask("GET", f"{QUEUE}/tasks")).json["tasks"]] == [TASK]
    assert (await ask("GET", f"{TASK}?responseView=FULL")).json == created.json
    ran = (await ask("POST", f"{TASK}:run", {})).json
    assert (ran["dispatchCount"], ran["lastAttempt"], ran["scheduleTime"]) == (1, {"scheduleTime": LATER}, LATER)
    assert "responseCount" not in ran
    assert (await ask("DELETE", TASK)).text == "{}\n"

    batch = await ask("POST", f"{QUEUE}/tasks:batchCreate", {"requests": [{"parent": QUEUE, "task": NEW_TASK}]})
    names = [task["name"] for task in batch.json["response"]["tasks"]]
    assert (await ask("GET", batch.json["name"])).json == batch.json
    dropped = await ask("POST", f"{QUEUE}/tasks:batchDelete", {"names": names})
    assert dropped.json["done"] is True
    assert (await ask("GET", f"{QUEUE}/tasks")).json == {}

    config = f"{LOCATION}/cmekConfig"
    assert (await ask("PATCH", config, {"kmsKey": KEY})).json["kmsKey"] == KEY
    assert (await ask("GET", config)).json == {"name": config, "kmsKey": KEY}
    assert [place["locationId"] for place in (await ask("GET", "projects/p/locations")).json["locations"]] == ["l"]
    assert (await ask("GET", LOCATION)).json["name"] == LOCATION
    assert (await ask("DELETE", QUEUE)).text == "{}\n"
    assert {method.name for method in METHODS} - called == set()


async def test_a_post_that_stands_for_a_method_that_is_none_is_nothing(rest: Rest) -> None:
    """CT-331."""
    await rest.queue()
    for method in ("", "FETCH", "PATCH, DELETE"):
        assert (await rest.ask("POST", f"/v2/{QUEUE}", X_HTTP_Method_Override=method)).status == 404
    assert (await rest.ask("GET", f"/v2/{QUEUE}")).status == 200
