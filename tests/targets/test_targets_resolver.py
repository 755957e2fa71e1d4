"""Names that take long, or for ever: they hold up no other worker, nor the app's own threads, nor the process's end."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from gcptasks.runtime.targets import resolver
from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_workers import NO_CONTENT, Workers, answer_of, answering, outgoing

CLOSING = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


class Names:
    """Stands in for the network's name servers: `quick…` is this machine, `slow…` is too once let, all else is not."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.gate = threading.Event()
        self.address = "127.0.0.1"

    def look_up(self, host: str, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        self.asked[host] += 1
        if host.startswith("slow"):
            self.gate.wait()
        elif not host.startswith("quick"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, 0))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    yield made
    made.gate.set()
    for thread in threading.enumerate():
        if thread.name == "gcptasks-lookup":
            thread.join()


def named(url: str, host: str) -> str:
    return url.replace("127.0.0.1", host)


def attempts(target: HttpTarget, url: str, hosts: list[str], **more: Any) -> list[Any]:
    return [asyncio.create_task(answer_of(target, outgoing(named(url, host), **more))) for host in hosts]


async def test_names_that_take_long_hold_up_nobody_else(worker: Workers, target: HttpTarget, names: Names) -> None:
    url = (await worker(answering(NO_CONTENT))).url
    slow = attempts(target, url, [f"slow-{number}.test" for number in range(50)])
    while names.asked.total() < 50:
        await asyncio.sleep(0.001)
    assert (await answer_of(target, outgoing(named(url, "quick.test")))).status == 204
    assert await asyncio.to_thread(lambda: "the app's own threads are free") != ""
    names.gate.set()
    assert [(await attempt).status for attempt in slow] == [204] * 50


async def test_where_too_many_names_take_long_a_wait_for_them_is_not_in_the_deadline(
    worker: Workers, target: HttpTarget, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "_MOST_THREADS", 2)
    url = (await worker(answering(NO_CONTENT))).url
    slow = attempts(target, url, ["slow-1.test", "slow-2.test"])
    late = attempts(target, url, ["quick-1.test", "quick-2.test"], deadline=0.1)
    await asyncio.wait(late, timeout=0.3)
    assert set(names.asked) == {"slow-1.test", "slow-2.test"}
    assert (await answer_of(target, outgoing(url))).status == 204
    names.gate.set()
    assert [(await attempt).status for attempt in slow + late] == [204] * 4


async def test_names_that_take_long_let_others_be_looked_up_beside_them(
    worker: Workers, target: HttpTarget, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "_MOST_LOOKUPS", 2)
    monkeypatch.setattr(resolver, "_SLOW", 0.05)
    url = (await worker(answering(NO_CONTENT))).url
    slow = attempts(target, url, [f"slow-{number}.test" for number in range(7)])
    [quick] = attempts(target, url, ["quick.test"])
    assert (await quick).status == 204
    assert len(names.asked) == 8
    names.gate.set()
    assert [(await attempt).status for attempt in slow] == [204] * 7


async def test_all_who_ask_for_a_name_share_one_lookup_and_its_answer_is_kept(
    worker: Workers, target: HttpTarget, names: Names
) -> None:
    made = await worker(answering(CLOSING))
    sent = attempts(target, made.url, ["slow.test"] * 20)
    names.gate.set()
    assert [(await attempt).status for attempt in sent] == [204] * 20
    # On another port it is the same host.
    other = await worker(answering(CLOSING))
    assert (await answer_of(target, outgoing(named(other.url, "slow.test")))).status == 204
    assert made.connections == 20
    assert names.asked == {"slow.test": 1}


async def test_an_answer_is_not_kept_for_long(
    worker: Workers, target: HttpTarget, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "_KEPT", 0.0)
    made = await worker(answering(CLOSING))
    for _ in range(3):
        assert (await answer_of(target, outgoing(named(made.url, "quick.test")))).status == 204
    assert names.asked == {"quick.test": 3}


async def test_a_kept_answer_that_leads_nowhere_is_no_failed_attempt(
    worker: Workers, target: HttpTarget, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has moved since its name was looked up."""
    monkeypatch.setattr(resolver, "_FRESH", 0.0)
    made = await worker(answering(CLOSING))
    names.address = "127.0.0.1"
    assert (await answer_of(target, outgoing(named(made.url, "quick.test")))).status == 204
    moved = await worker(answering(CLOSING), host="127.0.0.2")
    names.address = "127.0.0.2"
    url = moved.url.replace("127.0.0.2", "quick.test")
    replies = await asyncio.gather(*(answer_of(target, outgoing(url)) for _ in range(3)))
    assert [reply.status for reply in replies] == [204] * 3
    assert names.asked["quick.test"] <= 4


async def test_a_worker_that_is_down_is_not_looked_up_for_each_attempt(target: HttpTarget, names: Names) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://quick.test:{sock.getsockname()[1]}"
    for _ in range(5):
        reply = await answer_of(target, outgoing(url))
        assert (reply.status, reply.reason) == (0, f"connection refused by {url}")
    assert names.asked == {"quick.test": 1}


async def test_a_lookup_that_takes_too_long_is_given_up_and_begun_anew(
    worker: Workers, target: HttpTarget, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a name that once hung would hang for good."""
    monkeypatch.setattr(resolver, "_TOO_LONG", 0.05)
    monkeypatch.setattr(resolver, "_FAILURE_KEPT", 0.0)
    monkeypatch.setattr(resolver, "_MOST_LOOKUPS", 1)
    url = named((await worker(answering(NO_CONTENT))).url, "slow.test")
    reply = await answer_of(target, outgoing(url))
    assert (reply.status, reply.reason) == (0, "the host slow.test cannot be found: the lookup took longer than 0.05 s")
    monkeypatch.setattr(resolver, "_TOO_LONG", 60.0)
    names.gate.set()
    assert (await answer_of(target, outgoing(url))).status == 204
    assert names.asked == {"slow.test": 2}


async def test_a_name_that_there_is_not(target: HttpTarget, names: Names) -> None:
    sent = attempts(target, "http://127.0.0.1/", ["gone.test"] * 5)
    for attempt in sent:
        reply = await attempt
        assert (reply.status, reply.reason) == (0, "the host gone.test cannot be found: Name or service not known")
    assert names.asked == {"gone.test": 1}


async def test_a_lookup_without_end_keeps_no_attempt_from_its_deadline(target: HttpTarget, names: Names) -> None:
    reply = await answer_of(target, outgoing("http://slow.test/", deadline=0.05))
    assert (reply.status, reply.reason) == (504, "no answer within 0.05 s")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
async def test_this_machine_and_addresses_need_no_lookup(
    worker: Workers, target: HttpTarget, names: Names, host: str
) -> None:
    made = await worker(answering(NO_CONTENT), host="::1" if host == "[::1]" else "127.0.0.1")
    url = f"http://{host}:{made.url.rpartition(':')[2]}/"
    assert (await answer_of(target, outgoing(url))).status == 204
    assert names.asked == {}


async def test_a_thread_that_cannot_be_had_is_no_attempt(
    worker: Workers, target: HttpTarget, names: Names, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = (await worker(answering(NO_CONTENT))).url
    begin, refused = threading.Thread.start, 0

    def start(thread: threading.Thread) -> None:
        nonlocal refused
        if thread.name == "gcptasks-lookup" and not refused:
            refused += 1
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    reply = await answer_of(target, outgoing(named(url, "quick.test"), deadline=0.5))
    assert reply.status == 204
    assert [record.getMessage() for record in caplog.records] == [
        "attempts wait, and none is counted: can't start new thread",
        "attempts are made again",
    ]


_HANGS = """
import asyncio, socket, time
from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_workers import answer_of, outgoing

socket.getaddrinfo = lambda *args, **kwargs: time.sleep(3600)

async def main():
    target = HttpTarget()
    print((await answer_of(target, outgoing("http://slow.test/", deadline=0.05))).status)
    await target.close()

asyncio.run(main())
"""


def test_a_lookup_without_end_does_not_keep_the_process_from_ending() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", _HANGS], cwd="tests", capture_output=True, text=True, timeout=30
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "504\n", "")
