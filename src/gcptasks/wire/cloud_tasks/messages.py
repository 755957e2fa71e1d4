"""The raw protobuf classes of Cloud Tasks, each named once; `messages.pyi` says what is in them.

They are the classes behind google-cloud-tasks' proto-plus types: the same bytes for a sixth of the time.
"""

from typing import Any

from google.cloud import tasks_v2

__all__ = [
    "AppEngineHttpRequest",
    "AppEngineRouting",
    "Attempt",
    "BatchCreateTasksMetadata",
    "BatchCreateTasksRequest",
    "BatchCreateTasksResponse",
    "BatchDeleteTasksMetadata",
    "BatchDeleteTasksRequest",
    "CmekConfig",
    "CreateQueueRequest",
    "CreateTaskRequest",
    "DeleteQueueRequest",
    "DeleteTaskRequest",
    "GetCmekConfigRequest",
    "GetQueueRequest",
    "GetTaskRequest",
    "HttpRequest",
    "HttpTarget",
    "ListQueuesRequest",
    "ListQueuesResponse",
    "ListTasksRequest",
    "ListTasksResponse",
    "OAuthToken",
    "OidcToken",
    "PathOverride",
    "PauseQueueRequest",
    "PurgeQueueRequest",
    "QueryOverride",
    "Queue",
    "RateLimits",
    "ResumeQueueRequest",
    "RetryConfig",
    "RunTaskRequest",
    "StackdriverLoggingConfig",
    "Task",
    "UpdateCmekConfigRequest",
    "UpdateQueueRequest",
    "UriOverride",
]


# proto-plus is not typed: the stub beside this file is, and a test holds it against the descriptors.
_google: Any = tasks_v2

AppEngineHttpRequest: Any = _google.AppEngineHttpRequest.pb()
AppEngineRouting: Any = _google.AppEngineRouting.pb()
Attempt: Any = _google.Attempt.pb()
HttpRequest: Any = _google.HttpRequest.pb()
HttpTarget: Any = _google.HttpTarget.pb()
OAuthToken: Any = _google.OAuthToken.pb()
OidcToken: Any = _google.OidcToken.pb()
PathOverride: Any = _google.PathOverride.pb()
QueryOverride: Any = _google.QueryOverride.pb()
Queue: Any = _google.Queue.pb()
RateLimits: Any = _google.RateLimits.pb()
RetryConfig: Any = _google.RetryConfig.pb()
StackdriverLoggingConfig: Any = _google.StackdriverLoggingConfig.pb()
Task: Any = _google.Task.pb()
UriOverride: Any = _google.UriOverride.pb()

CreateQueueRequest: Any = _google.CreateQueueRequest.pb()
DeleteQueueRequest: Any = _google.DeleteQueueRequest.pb()
GetQueueRequest: Any = _google.GetQueueRequest.pb()
ListQueuesRequest: Any = _google.ListQueuesRequest.pb()
ListQueuesResponse: Any = _google.ListQueuesResponse.pb()
PauseQueueRequest: Any = _google.PauseQueueRequest.pb()
PurgeQueueRequest: Any = _google.PurgeQueueRequest.pb()
ResumeQueueRequest: Any = _google.ResumeQueueRequest.pb()
UpdateQueueRequest: Any = _google.UpdateQueueRequest.pb()

if not hasattr(_google, "BatchCreateTasksMetadata"):
    raise ModuleNotFoundError(
        "google-cloud-tasks is older than 2.25, which the local service needs", name="google.cloud.tasks"
    )
BatchCreateTasksMetadata: Any = _google.BatchCreateTasksMetadata.pb()
BatchCreateTasksRequest: Any = _google.BatchCreateTasksRequest.pb()
BatchCreateTasksResponse: Any = _google.BatchCreateTasksResponse.pb()
BatchDeleteTasksMetadata: Any = _google.BatchDeleteTasksMetadata.pb()
BatchDeleteTasksRequest: Any = _google.BatchDeleteTasksRequest.pb()
CmekConfig: Any = _google.CmekConfig.pb()
GetCmekConfigRequest: Any = _google.GetCmekConfigRequest.pb()
UpdateCmekConfigRequest: Any = _google.UpdateCmekConfigRequest.pb()
CreateTaskRequest: Any = _google.CreateTaskRequest.pb()
DeleteTaskRequest: Any = _google.DeleteTaskRequest.pb()
GetTaskRequest: Any = _google.GetTaskRequest.pb()
ListTasksRequest: Any = _google.ListTasksRequest.pb()
ListTasksResponse: Any = _google.ListTasksResponse.pb()
RunTaskRequest: Any = _google.RunTaskRequest.pb()
