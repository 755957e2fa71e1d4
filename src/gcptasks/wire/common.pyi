from collections.abc import Iterable, Mapping

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration as Duration
from google.protobuf.empty_pb2 import Empty as Empty
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, ScalarMap
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp as Timestamp

class Status(Message):
    code: int
    message: str
    @property
    def details(self) -> RepeatedCompositeFieldContainer[Any]: ...
    def __init__(self, *, code: int = 0, message: str = "", details: Iterable[Any] = ()) -> None: ...

class Help(Message):
    class Link(Message):
        description: str
        url: str
        def __init__(self, *, description: str = "", url: str = "") -> None: ...

    @property
    def links(self) -> RepeatedCompositeFieldContainer[Link]: ...
    def __init__(self, *, links: Iterable[Link] = ()) -> None: ...

class ErrorInfo(Message):
    reason: str
    domain: str
    @property
    def metadata(self) -> ScalarMap[str, str]: ...
    def __init__(self, *, reason: str = "", domain: str = "", metadata: Mapping[str, str] = ...) -> None: ...

class BadRequest(Message):
    class FieldViolation(Message):
        field: str
        description: str
        def __init__(self, *, field: str = "", description: str = "") -> None: ...

    @property
    def field_violations(self) -> RepeatedCompositeFieldContainer[FieldViolation]: ...
    def __init__(self, *, field_violations: Iterable[FieldViolation] = ()) -> None: ...

class LocalizedMessage(Message):
    locale: str
    message: str
    def __init__(self, *, locale: str = "", message: str = "") -> None: ...
