from collections.abc import Iterable, Mapping

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.internal.containers import (
    MessageMap,
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.message import Message

from gcptasks.wire.common import Duration, Status, Timestamp

class RateLimits(Message):
    max_dispatches_per_second: float
    max_burst_size: int
    max_concurrent_dispatches: int
    def __init__(
        self,
        *,
        max_dispatches_per_second: float = 0,
        max_burst_size: int = 0,
        max_concurrent_dispatches: int = 0,
    ) -> None: ...

class RetryConfig(Message):
    max_attempts: int
    max_doublings: int
    @property
    def max_retry_duration(self) -> Duration: ...
    @property
    def min_backoff(self) -> Duration: ...
    @property
    def max_backoff(self) -> Duration: ...
    def __init__(
        self,
        *,
        max_attempts: int = 0,
        max_retry_duration: Duration | None = None,
        min_backoff: Duration | None = None,
        max_backoff: Duration | None = None,
        max_doublings: int = 0,
    ) -> None: ...

class StackdriverLoggingConfig(Message):
    sampling_ratio: float
    def __init__(self, *, sampling_ratio: float = 0) -> None: ...

class AppEngineRouting(Message):
    service: str
    version: str
    instance: str
    host: str
    def __init__(self, *, service: str = "", version: str = "", instance: str = "", host: str = "") -> None: ...

class AppEngineHttpRequest(Message):
    http_method: int
    relative_uri: str
    body: bytes
    @property
    def app_engine_routing(self) -> AppEngineRouting: ...
    @property
    def headers(self) -> ScalarMap[str, str]: ...
    def __init__(
        self,
        *,
        http_method: int = 0,
        app_engine_routing: AppEngineRouting | None = None,
        relative_uri: str = "",
        headers: Mapping[str, str] = ...,
        body: bytes = b"",
    ) -> None: ...

class OidcToken(Message):
    service_account_email: str
    audience: str
    def __init__(self, *, service_account_email: str = "", audience: str = "") -> None: ...

class OAuthToken(Message):
    service_account_email: str
    scope: str
    def __init__(self, *, service_account_email: str = "", scope: str = "") -> None: ...

class PathOverride(Message):
    path: str
    def __init__(self, *, path: str = "") -> None: ...

class QueryOverride(Message):
    query_params: str
    def __init__(self, *, query_params: str = "") -> None: ...

class UriOverride(Message):
    scheme: int
    host: str
    port: int
    uri_override_enforce_mode: int
    @property
    def path_override(self) -> PathOverride: ...
    @property
    def query_override(self) -> QueryOverride: ...
    def __init__(
        self,
        *,
        scheme: int | None = None,
        host: str | None = None,
        port: int | None = None,
        path_override: PathOverride | None = None,
        query_override: QueryOverride | None = None,
        uri_override_enforce_mode: int = 0,
    ) -> None: ...

class HttpTarget(Message):
    class Header(Message):
        key: str
        value: str
        def __init__(self, *, key: str = "", value: str = "") -> None: ...

    class HeaderOverride(Message):
        @property
        def header(self) -> HttpTarget.Header: ...
        def __init__(self, *, header: HttpTarget.Header | None = None) -> None: ...

    http_method: int
    @property
    def uri_override(self) -> UriOverride: ...
    @property
    def header_overrides(self) -> RepeatedCompositeFieldContainer[HeaderOverride]: ...
    @property
    def oauth_token(self) -> OAuthToken: ...
    @property
    def oidc_token(self) -> OidcToken: ...
    def __init__(
        self,
        *,
        uri_override: UriOverride | None = None,
        http_method: int = 0,
        header_overrides: Iterable[HeaderOverride] = (),
        oauth_token: OAuthToken | None = None,
        oidc_token: OidcToken | None = None,
    ) -> None: ...

class Queue(Message):
    name: str
    state: int
    @property
    def app_engine_routing_override(self) -> AppEngineRouting: ...
    @property
    def http_target(self) -> HttpTarget: ...
    @property
    def rate_limits(self) -> RateLimits: ...
    @property
    def retry_config(self) -> RetryConfig: ...
    @property
    def purge_time(self) -> Timestamp: ...
    @property
    def stackdriver_logging_config(self) -> StackdriverLoggingConfig: ...
    def __init__(
        self,
        *,
        name: str = "",
        app_engine_routing_override: AppEngineRouting | None = None,
        http_target: HttpTarget | None = None,
        rate_limits: RateLimits | None = None,
        retry_config: RetryConfig | None = None,
        state: int = 0,
        purge_time: Timestamp | None = None,
        stackdriver_logging_config: StackdriverLoggingConfig | None = None,
    ) -> None: ...

class HttpRequest(Message):
    url: str
    http_method: int
    body: bytes
    @property
    def headers(self) -> ScalarMap[str, str]: ...
    @property
    def oidc_token(self) -> OidcToken: ...
    @property
    def oauth_token(self) -> OAuthToken: ...
    def __init__(
        self,
        *,
        url: str = "",
        http_method: int = 0,
        headers: Mapping[str, str] = ...,
        body: bytes = b"",
        oidc_token: OidcToken | None = None,
        oauth_token: OAuthToken | None = None,
    ) -> None: ...

class Attempt(Message):
    @property
    def schedule_time(self) -> Timestamp: ...
    @property
    def dispatch_time(self) -> Timestamp: ...
    @property
    def response_time(self) -> Timestamp: ...
    @property
    def response_status(self) -> Status: ...
    def __init__(
        self,
        *,
        schedule_time: Timestamp | None = None,
        dispatch_time: Timestamp | None = None,
        response_time: Timestamp | None = None,
        response_status: Status | None = None,
    ) -> None: ...

class Task(Message):
    name: str
    dispatch_count: int
    response_count: int
    view: int
    @property
    def app_engine_http_request(self) -> AppEngineHttpRequest: ...
    @property
    def http_request(self) -> HttpRequest: ...
    @property
    def schedule_time(self) -> Timestamp: ...
    @property
    def create_time(self) -> Timestamp: ...
    @property
    def dispatch_deadline(self) -> Duration: ...
    @property
    def first_attempt(self) -> Attempt: ...
    @property
    def last_attempt(self) -> Attempt: ...
    @property
    def retry_config(self) -> RetryConfig: ...
    def __init__(
        self,
        *,
        name: str = "",
        app_engine_http_request: AppEngineHttpRequest | None = None,
        http_request: HttpRequest | None = None,
        schedule_time: Timestamp | None = None,
        create_time: Timestamp | None = None,
        dispatch_deadline: Duration | None = None,
        dispatch_count: int = 0,
        response_count: int = 0,
        first_attempt: Attempt | None = None,
        last_attempt: Attempt | None = None,
        view: int = 0,
        retry_config: RetryConfig | None = None,
    ) -> None: ...

class CreateQueueRequest(Message):
    parent: str
    @property
    def queue(self) -> Queue: ...
    def __init__(self, *, parent: str = "", queue: Queue | None = None) -> None: ...

class GetQueueRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class DeleteQueueRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class PauseQueueRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class ResumeQueueRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class PurgeQueueRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class ListQueuesRequest(Message):
    parent: str
    filter: str
    page_size: int
    page_token: str
    def __init__(self, *, parent: str = "", filter: str = "", page_size: int = 0, page_token: str = "") -> None: ...

class ListQueuesResponse(Message):
    next_page_token: str
    @property
    def queues(self) -> RepeatedCompositeFieldContainer[Queue]: ...
    def __init__(self, *, queues: Iterable[Queue] = (), next_page_token: str = "") -> None: ...

class UpdateQueueRequest(Message):
    @property
    def queue(self) -> Queue: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(self, *, queue: Queue | None = None, update_mask: FieldMask | None = None) -> None: ...

class CreateTaskRequest(Message):
    parent: str
    response_view: int
    @property
    def task(self) -> Task: ...
    def __init__(self, *, parent: str = "", task: Task | None = None, response_view: int = 0) -> None: ...

class BatchCreateTasksRequest(Message):
    parent: str
    request_id: str
    @property
    def requests(self) -> RepeatedCompositeFieldContainer[CreateTaskRequest]: ...
    def __init__(
        self, *, parent: str = "", requests: Iterable[CreateTaskRequest] = (), request_id: str = ""
    ) -> None: ...

class BatchCreateTasksResponse(Message):
    @property
    def tasks(self) -> RepeatedCompositeFieldContainer[Task]: ...
    def __init__(self, *, tasks: Iterable[Task] = ()) -> None: ...

class BatchCreateTasksMetadata(Message):
    state: int
    @property
    def start_time(self) -> Timestamp: ...
    @property
    def end_time(self) -> Timestamp: ...
    @property
    def failed_requests(self) -> MessageMap[int, Status]: ...
    def __init__(
        self,
        *,
        start_time: Timestamp | None = None,
        end_time: Timestamp | None = None,
        state: int = 0,
        failed_requests: Mapping[int, Status] = ...,
    ) -> None: ...

class BatchDeleteTasksRequest(Message):
    parent: str
    request_id: str
    @property
    def names(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(self, *, parent: str = "", names: Iterable[str] = (), request_id: str = "") -> None: ...

class BatchDeleteTasksMetadata(Message):
    state: int
    @property
    def start_time(self) -> Timestamp: ...
    @property
    def end_time(self) -> Timestamp: ...
    @property
    def failed_requests(self) -> MessageMap[int, Status]: ...
    def __init__(
        self,
        *,
        start_time: Timestamp | None = None,
        end_time: Timestamp | None = None,
        state: int = 0,
        failed_requests: Mapping[int, Status] = ...,
    ) -> None: ...

class GetTaskRequest(Message):
    name: str
    response_view: int
    def __init__(self, *, name: str = "", response_view: int = 0) -> None: ...

class DeleteTaskRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class RunTaskRequest(Message):
    name: str
    response_view: int
    def __init__(self, *, name: str = "", response_view: int = 0) -> None: ...

class ListTasksRequest(Message):
    parent: str
    response_view: int
    page_size: int
    page_token: str
    def __init__(
        self, *, parent: str = "", response_view: int = 0, page_size: int = 0, page_token: str = ""
    ) -> None: ...

class ListTasksResponse(Message):
    next_page_token: str
    @property
    def tasks(self) -> RepeatedCompositeFieldContainer[Task]: ...
    def __init__(self, *, tasks: Iterable[Task] = (), next_page_token: str = "") -> None: ...

class CmekConfig(Message):
    name: str
    kms_key: str
    def __init__(self, *, name: str = "", kms_key: str = "") -> None: ...

class GetCmekConfigRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class UpdateCmekConfigRequest(Message):
    @property
    def cmek_config(self) -> CmekConfig: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(self, *, cmek_config: CmekConfig | None = None, update_mask: FieldMask | None = None) -> None: ...
