"""Delivers what is due in a test, one attempt after the other, into the app under test."""

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gcptasks.base.asgi import Delivery
from gcptasks.base.errors import DeliveryError
from gcptasks.base.events import AttemptFailed, AttemptSucceeded, Event, JobAttemptFailed, JobAttemptSucceeded
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime.targets.pubsub import Published, PubsubTarget
from gcptasks.runtime.targets.router import Targets
from gcptasks.testing.application import Application
from gcptasks.testing.attempt_faults import AttemptFaults, Fault, Kind
from gcptasks.testing.called import Call, CallFinder, Request
from gcptasks.testing.enqueued import described, task_of
from gcptasks.testing.matching import Match
from gcptasks.testing.runs import Outcome, Run
from gcptasks.testing.service import TestService
from gcptasks.testing.work import Work, WorkList
from gcptasks.worker.raised import raised
from gcptasks.worker.recording import NotToRun

_TIMEOUT = Reply(status=504, reason="the test says that no response came in time")
_NO_REPLY = Reply(status=500, reason="the app cancelled the task in which it ran")


class Deliverer:
    """Makes the attempts of one service."""

    def __init__(self, service: TestService, application: Application, finder: CallFinder) -> None:
        self.faults = AttemptFaults()
        self.published = Published()
        self._service = service
        self._work = WorkList(service)
        self._application = application
        self._finder = finder
        self._context = contextvars.copy_context()
        self._ended: AttemptSucceeded | AttemptFailed | JobAttemptSucceeded | JobAttemptFailed | None = None
        service.events.subscribe(self._note)

    def next_at(self, until: datetime) -> datetime | None:
        """When the first attempt is due, if it is by then."""
        return self._work.next_at(until, self._last())

    async def run_next(self, *, jobs_alone: bool = False) -> Run | None:
        """Make the first attempt that is due now; None if none is. What RunTask asked for comes before all others."""
        work = self._work.begin_next(self._last(), jobs_alone=jobs_alone)
        return None if work is None else await self._run(work)

    def _last(self) -> list[str]:
        """The names of the tasks that are to come after all others that are due."""
        if not self.faults.any_last:
            return []
        return [task.name for task in described(self._finder, self._service.waiting()) if self.faults.waits(task)]

    async def _run(self, work: Work) -> Run:
        errors: list[BaseException] = []
        call, arguments = None, None
        try:
            outgoing = work.outgoing()
        except DeliveryError as error:
            reply = Reply(status=0, reason=str(error))
        else:
            (call,) = self._finder.calls_of([_request(outgoing)])
            arguments = await call.read()
            fault = self.faults.take(_meant(work, call, arguments))
            reply = await self._reply(outgoing, fault, errors)
        self._ended = None
        ran_at = self._service.clock.now()
        work.end(reply)
        outcome, next_at = self._outcome(reply)
        return Run(
            endpoint="" if call is None else call.label,
            arguments=arguments,
            name=work.name,
            attempt=work.attempt,
            status=reply.status,
            reason=reply.reason,
            outcome=outcome,
            next_at=next_at,
            error=next((error for error in errors if not isinstance(error.__cause__, NotToRun)), None),
            ran_at=ran_at,
        )

    async def _reply(self, outgoing: Outgoing, fault: Fault | None, errors: list[BaseException]) -> Reply:
        """How the attempt ends, with that fault if there is one."""
        kind = None if fault is None else fault.kind
        if fault is not None and kind is Kind.ANSWER:
            return Reply(status=fault.status, reason="the test says so")
        reply = await self._sent(outgoing, errors)
        if kind is Kind.TWICE:
            reply = await self._sent(outgoing, errors)
        return _TIMEOUT if kind is Kind.TIMEOUT else reply

    async def _sent(self, outgoing: Outgoing, errors: list[BaseException]) -> Reply:
        replies: list[Reply] = []
        tokens = self._service.tokens
        app = self._application.target(Delivery(tokens.issuer, tokens.public_keys), errors)
        target = PubsubTarget(Targets(tokens=tokens, http=app), None, self.published)
        context = self._context.copy()
        context.run(raised.set, errors)
        sending = asyncio.get_running_loop().create_task(target.send(outgoing, replies.append), context=context)
        try:
            await sending
        except asyncio.CancelledError:
            if not sending.cancelled() or _is_cancelled():
                raise
        except DeliveryError as error:
            return Reply(status=0, reason=str(error))
        return replies[0] if replies else _NO_REPLY

    def _outcome(self, reply: Reply) -> tuple[Outcome, datetime | None]:
        match self._ended:
            case AttemptFailed(next_at=at) | JobAttemptFailed(next_at=at):
                return (Outcome.GIVEN_UP if at is None else Outcome.RETRYING), at
            case None if not reply.ok:
                # Its task was deleted meanwhile.
                return Outcome.GIVEN_UP, None
            case _:
                return Outcome.SUCCEEDED, None

    def _note(self, event: Event) -> None:
        if isinstance(event, AttemptSucceeded | AttemptFailed | JobAttemptSucceeded | JobAttemptFailed):
            self._ended = event


def _is_cancelled() -> bool:
    """Whether it is us who are cancelled, not only what we wait for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _meant(work: Work, call: Call, arguments: Mapping[str, Any] | None) -> Callable[[Match], bool]:
    """Tells whether this attempt is meant: of a task, or of a job."""
    if work.task is None:
        return lambda match: match.fits_call(call.called, call.name, arguments)
    task = task_of(work.task, call, arguments)
    return lambda match: match.fits(task)


def _request(outgoing: Outgoing) -> Request:
    return Request(outgoing.method, outgoing.url, dict(outgoing.headers), outgoing.body)
