from collections.abc import Iterable, Mapping

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, ScalarMap
from google.protobuf.message import Message

from gcptasks.wire.common import Duration, Status, Timestamp

class OidcToken(Message):
    service_account_email: str
    audience: str
    def __init__(self, *, service_account_email: str = "", audience: str = "") -> None: ...

class OAuthToken(Message):
    service_account_email: str
    scope: str
    def __init__(self, *, service_account_email: str = "", scope: str = "") -> None: ...

class HttpTarget(Message):
    uri: str
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
        uri: str = "",
        http_method: int = 0,
        headers: Mapping[str, str] = ...,
        body: bytes = b"",
        oidc_token: OidcToken | None = None,
        oauth_token: OAuthToken | None = None,
    ) -> None: ...

class AppEngineRouting(Message):
    service: str
    version: str
    instance: str
    host: str
    def __init__(self, *, service: str = "", version: str = "", instance: str = "", host: str = "") -> None: ...

class AppEngineHttpTarget(Message):
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

class PubsubTarget(Message):
    topic_name: str
    data: bytes
    @property
    def attributes(self) -> ScalarMap[str, str]: ...
    def __init__(self, *, topic_name: str = "", data: bytes = b"", attributes: Mapping[str, str] = ...) -> None: ...

class RetryConfig(Message):
    retry_count: int
    max_doublings: int
    @property
    def max_retry_duration(self) -> Duration: ...
    @property
    def min_backoff_duration(self) -> Duration: ...
    @property
    def max_backoff_duration(self) -> Duration: ...
    def __init__(
        self,
        *,
        retry_count: int = 0,
        max_retry_duration: Duration | None = None,
        min_backoff_duration: Duration | None = None,
        max_backoff_duration: Duration | None = None,
        max_doublings: int = 0,
    ) -> None: ...

class Job(Message):
    name: str
    description: str
    schedule: str
    time_zone: str
    state: int
    @property
    def http_target(self) -> HttpTarget: ...
    @property
    def app_engine_http_target(self) -> AppEngineHttpTarget: ...
    @property
    def pubsub_target(self) -> PubsubTarget: ...
    @property
    def user_update_time(self) -> Timestamp: ...
    @property
    def status(self) -> Status: ...
    @property
    def schedule_time(self) -> Timestamp: ...
    @property
    def last_attempt_time(self) -> Timestamp: ...
    @property
    def retry_config(self) -> RetryConfig: ...
    @property
    def attempt_deadline(self) -> Duration: ...
    def __init__(
        self,
        *,
        name: str = "",
        description: str = "",
        http_target: HttpTarget | None = None,
        app_engine_http_target: AppEngineHttpTarget | None = None,
        pubsub_target: PubsubTarget | None = None,
        schedule: str = "",
        time_zone: str = "",
        user_update_time: Timestamp | None = None,
        state: int = 0,
        status: Status | None = None,
        schedule_time: Timestamp | None = None,
        last_attempt_time: Timestamp | None = None,
        retry_config: RetryConfig | None = None,
        attempt_deadline: Duration | None = None,
    ) -> None: ...

class CreateJobRequest(Message):
    parent: str
    @property
    def job(self) -> Job: ...
    def __init__(self, *, parent: str = "", job: Job | None = None) -> None: ...

class UpdateJobRequest(Message):
    @property
    def job(self) -> Job: ...
    @property
    def update_mask(self) -> FieldMask: ...
    def __init__(self, *, job: Job | None = None, update_mask: FieldMask | None = None) -> None: ...

class GetJobRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class DeleteJobRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class PauseJobRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class ResumeJobRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class RunJobRequest(Message):
    name: str
    def __init__(self, *, name: str = "") -> None: ...

class ListJobsRequest(Message):
    parent: str
    page_size: int
    page_token: str
    def __init__(self, *, parent: str = "", page_size: int = 0, page_token: str = "") -> None: ...

class ListJobsResponse(Message):
    next_page_token: str
    @property
    def jobs(self) -> RepeatedCompositeFieldContainer[Job]: ...
    def __init__(self, *, jobs: Iterable[Job] = (), next_page_token: str = "") -> None: ...
