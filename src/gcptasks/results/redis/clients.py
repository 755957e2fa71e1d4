"""Which clients a store has, and how its commands get their answers from them."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError
from redis.retry import Retry

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.results.patient_threads import PatientThreads
from gcptasks.results.redis.flows import Command
from gcptasks.results.redis.scripts import Script

_OPTIONS: Mapping[str, Any] = {
    "socket_connect_timeout": 10,  # it would wait without end
    "socket_timeout": 10,
}
"""Those of clients of ours, where the URL does not say otherwise."""
_AT_ONCE = 20
"""Connections that calls have at most, those of threads and those of each event loop: a pool of redis-py does not have
those wait for whom there is none, but refuses them."""


class Clients:
    """The clients of a store: made of its URL, or the one that a user gave."""

    def __init__(self, given: "str | redis.Redis | redis.asyncio.Redis") -> None:
        self._url: str | None = None
        self._blocking: redis.Redis | None = None
        self._given_async: redis.asyncio.Redis | None = None
        if isinstance(given, str):
            self._url = given
        elif isinstance(given, redis.Redis):
            self._blocking = given
        elif isinstance(given, redis.asyncio.Redis):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a checker
            self._given_async = given
        else:
            raise TypeError(f"a URL, or a client of redis-py (Redis, sync or asyncio) is needed, not {given!r}")
        # Threads of its own: a Redis that is down holds up none of the application's.
        self._threads = PatientThreads("task-records")
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Have no connection of the parent's. redis-py sees to it for clients that a user gave."""
        self._per_loop: PerLoop[redis.asyncio.Redis] | None = None
        if self._url is not None:
            self._blocking = redis.Redis.from_url(self._url, retry=Retry(NoBackoff(), 0), **_OPTIONS)
            self._per_loop = PerLoop(partial(_awaited, self._url))
        self._places = threading.Semaphore(1 if self._blocking is None else _at_once(self._blocking))

    @property
    def blocks(self) -> bool:
        return self._blocking is not None

    @property
    def blocking(self) -> redis.Redis:
        if self._blocking is None:
            raise TypeError("the client can only be awaited")
        return self._blocking

    @property
    def awaits(self) -> bool:
        return self._given_async is not None or self._per_loop is not None

    @property
    def awaited(self) -> redis.asyncio.Redis:
        """The one of the running loop."""
        if self._given_async is not None:
            return self._given_async
        if self._per_loop is None:
            raise TypeError("the client can only block")
        return self._per_loop.get()

    @property
    def at_once(self) -> int:
        """How many calls of an event loop there can be at once."""
        return _at_once(self.awaited if self.awaits else self.blocking)

    def take(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, from code that blocks."""
        answers = self._sent(commands, in_full=False)
        unknown = _unknown(answers)
        if unknown:
            again = self._sent([commands[at] for at in unknown], in_full=True)
            answers = _completed(answers, unknown, again)
        return _checked(answers)

    async def take_async(self, commands: Sequence[Command]) -> list[Any]:
        """The answers, from a coroutine."""
        if not self.awaits:
            return await asyncio.wrap_future(self._threads.call(partial(self.take, commands)))
        answers = await self._sent_async(commands, in_full=False)
        unknown = _unknown(answers)
        if unknown:
            again = await self._sent_async([commands[at] for at in unknown], in_full=True)
            answers = _completed(answers, unknown, again)
        return _checked(answers)

    def dispose(self) -> None:
        """Close the connections of clients of ours."""
        if self._url is not None:
            self.blocking.close()

    async def dispose_async(self) -> None:
        """Close those of the running loop, and what blocks."""
        if self._per_loop is not None:
            await self._per_loop.get().aclose()
        self.dispose()

    def _sent(self, commands: Sequence[Command], in_full: bool) -> list[Any]:
        with self._places:
            try:
                return self._sent_once(commands, in_full)
            except redis.ConnectionError:
                if self._url is None:
                    raise  # a user's client has been told how often it tries
                # A connection that was lost, as by a restart: another one is made now. All commands may be repeated.
                return self._sent_once(commands, in_full)

    async def _sent_async(self, commands: Sequence[Command], in_full: bool) -> list[Any]:
        try:
            return await self._sent_once_async(commands, in_full)
        except redis.ConnectionError:
            if self._url is None:
                raise
            return await self._sent_once_async(commands, in_full)

    def _sent_once(self, commands: Sequence[Command], in_full: bool) -> list[Any]:
        with self.blocking.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*_words(command, in_full), **{NEVER_DECODE: True})
            return pipeline.execute(raise_on_error=False)

    async def _sent_once_async(self, commands: Sequence[Command], in_full: bool) -> list[Any]:
        async with self.awaited.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*_words(command, in_full), **{NEVER_DECODE: True})
            return await pipeline.execute(raise_on_error=False)


def _words(command: Command, in_full: bool) -> Sequence[str | bytes | int]:
    name, *words = command
    if not isinstance(name, Script):
        return (name, *words)
    return ("EVAL", name.text, *words) if in_full else ("EVALSHA", name.digest, *words)


def _unknown(answers: list[Any]) -> list[int]:
    """Where a script is one that Redis does not know yet, or not any more."""
    return [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]


def _completed(answers: list[Any], places: Sequence[int], late: Sequence[Any]) -> list[Any]:
    for at, answer in zip(places, late, strict=True):
        answers[at] = answer
    return answers


def _checked(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _at_once(client: "redis.Redis | redis.asyncio.Redis") -> int:
    """How many calls a client makes at once; one connection hears of changes."""
    most: int = client.connection_pool.max_connections
    return max(min(_AT_ONCE, most - 1), 1)


def _awaited(url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_OPTIONS)
