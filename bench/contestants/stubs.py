"""Google's client with nothing behind it, in two depths."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud.tasks_v2 import CloudTasksClient, CreateTaskRequest, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

# Generic in its stubs alone.
if TYPE_CHECKING:
    Method = grpc.UnaryUnaryMultiCallable[Any, Any]
else:
    Method = grpc.UnaryUnaryMultiCallable

CREATED = Task(name="projects/p/locations/l/queues/q/tasks/1")


class FakeClient(CloudTasksClient):
    """Answers `create_task` at once and keeps the last request, as users' own fakes do."""

    def __init__(self) -> None:
        self.request = CreateTaskRequest()

    def create_task(self, request: Any = None, **_: Any) -> Task:
        self.request = request
        return CREATED


class StubCall(grpc.Call):
    """A call that went well."""

    def initial_metadata(self) -> tuple[()]:
        return ()

    def trailing_metadata(self) -> tuple[()]:
        return ()

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    def details(self) -> str:
        return ""

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float:
        return 0.0

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return False


class StubMethod(Method):
    """Serialises the request, as a real channel would, and answers without sending it."""

    def __init__(self, channel: "StubChannel", serializer: Callable[[Any], bytes]) -> None:
        self._channel = channel
        self._serializer = serializer
        self._call = StubCall()

    def __call__(self, request: Any, *_: Any, **__: Any) -> Task:
        self._channel.sent = self._serializer(request)
        return CREATED

    def with_call(self, request: Any, *_: Any, **__: Any) -> tuple[Task, StubCall]:
        return self(request), self._call

    def future(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


class StubChannel(grpc.Channel):
    """A channel that leads nowhere and keeps the last request."""

    def __init__(self) -> None:
        self.sent = b""

    def unary_unary(self, method: str, request_serializer: Any = None, *_: Any, **__: Any) -> StubMethod:
        return StubMethod(self, request_serializer)

    def unary_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def stream_unary(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def stream_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def subscribe(self, callback: Any, try_to_connect: Any = False) -> None:
        raise NotImplementedError

    def unsubscribe(self, callback: Any) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


class StubClient(CloudTasksClient):
    """Google's client, whole, over a channel that only answers."""

    def __init__(self) -> None:
        self._channel = StubChannel()
        super().__init__(transport=CloudTasksGrpcTransport(channel=self._channel))

    @property
    def request(self) -> CreateTaskRequest:
        """The last request that was sent."""
        return CreateTaskRequest.deserialize(self._channel.sent)


class OurStubClient(StubClient):
    """The client that ours makes when it is given none, over the same channel."""

    def __init__(self) -> None:
        from gcptasks.client.api import TASKS  # which the peer has not

        self._channel = StubChannel()
        self._made = TASKS.client_class()(transport=CloudTasksGrpcTransport(channel=self._channel))

    def create_task(self, request: Any = None, **options: Any) -> Task:
        task: Task = self._made.create_task(request, **options)
        return task
