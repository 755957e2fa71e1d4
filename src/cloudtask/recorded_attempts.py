"""What a worker does for the records of tasks of functions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cloudtask.answers import DONE, Answer, AnswerTo, failed, note, refusal
from cloudtask.functions import TaskFunction
from gcptasks.base.running_loop import running_loop
from gcptasks.client.last_attempts import LastAttempts
from gcptasks.client.result_type import ResultType
from gcptasks.engine.task_records import RECORD_HEADER
from gcptasks.results.given import GivenStore
from gcptasks.worker.own_loop import OwnLoop
from gcptasks.worker.recorder import Recorder, recorder
from gcptasks.worker.recording import NotToRun, Recording, header_of

_HEADER = RECORD_HEADER.lower()
_own_loop = OwnLoop()


class RecordedAttempts:
    """Records the attempts that a worker runs: `last_attempts` of those awaited, and of those that block."""

    def __init__(self, results: GivenStore, last_attempts: tuple[LastAttempts, LastAttempts]) -> None:
        self._results = results
        self._last_attempts = last_attempts
        self._types: dict[str, ResultType] = {}

    def recording(
        self, function: TaskFunction[..., Any], headers: Mapping[str, str], *, blocks: bool = False
    ) -> Recording | None:
        """The recording of an attempt on the running event loop; None if it names no record."""
        tag = header_of(headers, _HEADER)
        to = None if tag is None or running_loop() is None else self._recorder()
        if tag is None or to is None:
            return None
        return Recording(
            to,
            tag,
            function.name,
            headers,
            is_async=function.is_async and not blocks,
            last_attempts=self._last_attempts[blocks],
        )

    async def answer(
        self,
        recording: Recording,
        function: TaskFunction[..., Any],
        attempt: Callable[[], Awaitable[Any]],
        answer_to: AnswerTo | None = None,
    ) -> Answer:
        """The answer for the attempt, once it is made and recorded; `answer_to` makes that for one that raised."""
        over = await _begun(recording)
        if over is not None:
            return over
        answer, result = DONE, b""
        try:
            result = self._written(recording, function, await attempt())
        except BaseException as error:
            if not await recording.caught(error):
                raise
            answer = _answer_for(recording, function, error, answer_to)
        return await _ended(recording, answer, result)

    def sync_answer(
        self, function: TaskFunction[..., Any], headers: Mapping[str, str], attempt: Callable[[], Any]
    ) -> Answer | None:
        """The same, blocking; None, and nothing was done, if the attempt names no record.

        Somebody else's event loop writes: that of the caller may wait for this.
        """
        if header_of(headers, _HEADER) is None:
            return None
        recording, over = _own_loop.run(self._begun_elsewhere(function, headers))
        if recording is None or over is not None:
            return over
        answer, result = DONE, b""
        try:
            result = self._written(recording, function, attempt())
        except BaseException as error:
            if not recording.caught_elsewhere(error):
                raise
            answer = _answer_for(recording, function, error, None)
        return _own_loop.run(_ended(recording, answer, result))

    async def _begun_elsewhere(
        self, function: TaskFunction[..., Any], headers: Mapping[str, str]
    ) -> tuple[Recording | None, Answer | None]:
        recording = self.recording(function, headers, blocks=True)
        return recording, None if recording is None else await _begun(recording)

    def _recorder(self) -> Recorder | None:
        try:
            return recorder(self._results.get())
        except Exception as error:  # of the user's factory
            note("the store of results cannot be had, so tasks run unrecorded", error=error)
            return None

    def _written(self, recording: Recording, function: TaskFunction[..., Any], value: Any) -> bytes:
        """The JSON of the result. One that has none is no reason to run the function again: it fails for good."""
        if not recording.runs:
            return b""
        kind = self._types.get(function.name)
        if kind is None:
            kind = self._types[function.name] = ResultType(function.name, lambda: function.arguments.returns)
        try:
            return kind.write(value)
        except Exception as error:
            note("the result of %s cannot be recorded", function.name, error=error)
            recording.error = error
            return b""


async def _begun(recording: Recording) -> Answer | None:
    """The answer, if nothing is to run."""
    try:
        await recording.begin()
    except NotToRun as reason:
        return refusal(200, str(reason))
    return None


async def _ended(recording: Recording, answer: Answer, result: bytes) -> Answer:
    reason = await recording.end(answer.status, result)
    return answer if reason is None else refusal(200, reason)


def _answer_for(
    recording: Recording, function: TaskFunction[..., Any], error: BaseException, answer_to: AnswerTo | None
) -> Answer:
    if recording.cancelled:
        return DONE
    return (answer_to or failed)(function, error) if isinstance(error, Exception) else failed(function, error)
