"""The raw protobuf classes of Cloud Scheduler, each named once; `messages.pyi` says what is in them.

They are the classes behind google-cloud-scheduler's proto-plus types.
"""

from typing import Any

from google.cloud import scheduler_v1

__all__ = [
    "AppEngineHttpTarget",
    "AppEngineRouting",
    "CreateJobRequest",
    "DeleteJobRequest",
    "GetJobRequest",
    "HttpTarget",
    "Job",
    "ListJobsRequest",
    "ListJobsResponse",
    "OAuthToken",
    "OidcToken",
    "PauseJobRequest",
    "PubsubTarget",
    "ResumeJobRequest",
    "RetryConfig",
    "RunJobRequest",
    "UpdateJobRequest",
]


# proto-plus is not typed: the stub beside this file is, and a test holds it against the descriptors.
_google: Any = scheduler_v1

AppEngineHttpTarget: Any = _google.AppEngineHttpTarget.pb()
AppEngineRouting: Any = _google.AppEngineRouting.pb()
HttpTarget: Any = _google.HttpTarget.pb()
Job: Any = _google.Job.pb()
OAuthToken: Any = _google.OAuthToken.pb()
OidcToken: Any = _google.OidcToken.pb()
PubsubTarget: Any = _google.PubsubTarget.pb()
RetryConfig: Any = _google.RetryConfig.pb()

CreateJobRequest: Any = _google.CreateJobRequest.pb()
DeleteJobRequest: Any = _google.DeleteJobRequest.pb()
GetJobRequest: Any = _google.GetJobRequest.pb()
ListJobsRequest: Any = _google.ListJobsRequest.pb()
ListJobsResponse: Any = _google.ListJobsResponse.pb()
PauseJobRequest: Any = _google.PauseJobRequest.pb()
ResumeJobRequest: Any = _google.ResumeJobRequest.pb()
RunJobRequest: Any = _google.RunJobRequest.pb()
UpdateJobRequest: Any = _google.UpdateJobRequest.pb()
