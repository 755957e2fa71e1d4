"""The protobuf classes that every API of Google shares; `common.pyi` says what is in those that have no types."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, Help, LocalizedMessage
from google.rpc.status_pb2 import Status

__all__ = ["BadRequest", "Duration", "Empty", "ErrorInfo", "Help", "LocalizedMessage", "Status", "Timestamp"]
