"""What a job sends or publishes, as messages."""

from gcptasks.base.names import LocationName
from gcptasks.engine.job_model import JobTarget, PubsubMessage
from gcptasks.engine.model import AppEngineRequest, HttpRequest
from gcptasks.wire.app_engine import put_routing, routing
from gcptasks.wire.cloud_scheduler import messages
from gcptasks.wire.tokens import put_token, token

_METHODS = {1: "POST", 2: "GET", 3: "HEAD", 4: "PUT", 5: "DELETE", 6: "PATCH", 7: "OPTIONS"}
_METHOD_NUMBERS = {name: number for number, name in _METHODS.items()}


def target(job: messages.Job) -> JobTarget | None:
    """The target that is asked for; None if there is none."""
    match job.WhichOneof("target"):
        case "http_target":
            return _http(job.http_target)
        case "app_engine_http_target":
            return _app_engine(job.app_engine_http_target)
        case "pubsub_target":
            pubsub = job.pubsub_target
            attributes = dict(pubsub.attributes.items())
            return PubsubMessage(topic=pubsub.topic_name, data=pubsub.data, attributes=attributes)
        case _:
            return None


def put_target(job: messages.Job, target: JobTarget, location: LocationName) -> None:
    """Set the target of the message, of a job in that location."""
    match target:
        case HttpRequest():
            _put_http(job.http_target, target)
        case AppEngineRequest():
            _put_app_engine(job.app_engine_http_target, target, location)
        case PubsubMessage(topic=topic, data=data, attributes=attributes):
            job.pubsub_target.topic_name = topic
            job.pubsub_target.data = data
            job.pubsub_target.attributes.update(attributes)


def _http(message: messages.HttpTarget) -> HttpRequest:
    return HttpRequest(
        url=message.uri,
        method=_METHODS.get(message.http_method, "POST"),  # the default (CS-028)
        headers=dict(message.headers.items()),
        body=message.body,
        token=token(message),
    )


def _app_engine(message: messages.AppEngineHttpTarget) -> AppEngineRequest:
    return AppEngineRequest(
        relative_uri=message.relative_uri,
        method=_METHODS.get(message.http_method, "POST"),
        routing=routing(message.app_engine_routing),
        headers=dict(message.headers.items()),
        body=message.body,
    )


def _put_app_engine(message: messages.AppEngineHttpTarget, request: AppEngineRequest, location: LocationName) -> None:
    message.relative_uri = request.relative_uri
    message.http_method = _METHOD_NUMBERS[request.method]
    put_routing(message.app_engine_routing, request.routing, location)
    message.headers.update(request.headers)
    message.body = request.body


def _put_http(message: messages.HttpTarget, request: HttpRequest) -> None:
    message.uri = request.url
    message.http_method = _METHOD_NUMBERS[request.method]
    message.headers.update(request.headers)
    message.body = request.body
    put_token(message, request.token)
