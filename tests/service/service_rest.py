"""Google's REST clients, for tests that know what its gRPC clients do."""

from collections.abc import Callable
from typing import Any, cast

import grpc
import pytest
from google.api_core import exceptions
from google.api_core.exceptions import GoogleAPICallError
from google.protobuf import descriptor_pool, json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo


class AsOverGrpc:
    """A REST client of Google's whose errors are those of its gRPC clients: the classes are fewer, messages longer."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            try:
                return method(**arguments)
            except GoogleAPICallError as error:
                raise _as_over_grpc(error) from error
            except json_format.SerializeToJsonError:
                pytest.skip("JSON has no such value")
            except ValueError as error:
                if not str(error).startswith("Invalid request.\nSome of the fields"):
                    raise
                pytest.skip("Google's REST client sends no name that does not fit its paths")

        return call


_from_grpc_status = cast("Callable[..., GoogleAPICallError]", exceptions.from_grpc_status)


def _as_over_grpc(error: Any) -> GoogleAPICallError:
    response: Any = error.response
    if response.headers["Content-Type"].startswith("text/plain"):
        return cast("GoogleAPICallError", error)  # that of a path where nothing is
    body: Any = response.json()["error"]
    assert body["code"] == error.code == response.status_code
    sent: list[Any] = body.get("details", [])
    details = [_unpacked(json_format.ParseDict(detail, AnyMessage())) for detail in sent]
    info = next((detail for detail in details if isinstance(detail, ErrorInfo)), None)
    code = grpc.StatusCode[body["status"]]
    converted = _from_grpc_status(code, body["message"], details=details, error_info=info)
    # What Google's client has made of it.
    assert issubclass(converted.__class__, type(error))
    assert str(error.message).endswith(body["message"])
    return converted


def _unpacked(packed: AnyMessage) -> Any:
    message = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(packed.TypeName()))()
    assert packed.Unpack(message)
    return message
