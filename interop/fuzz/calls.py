"""Random messages to every method, over gRPC."""

from random import Random
from typing import Any

import grpc

from gcptasks.service import served
from interop.fuzz.verdict import Verdict
from interop.service import Service
from service.any_message import any_bytes

_PATIENCE = 30
"""Seconds after which a call hangs."""
_FAULTS = {
    grpc.StatusCode.INTERNAL: "failed",
    grpc.StatusCode.UNKNOWN: "failed",
    grpc.StatusCode.DATA_LOSS: "failed",
    grpc.StatusCode.DEADLINE_EXCEEDED: "hung",
    grpc.StatusCode.UNAVAILABLE: "was not there",
    grpc.StatusCode.CANCELLED: "broke the call off",
}
PATHS = list(served.METHODS)


class Calls:
    """Sends random messages to a service."""

    def __init__(self, service: Service, random: Random) -> None:
        self._random = random
        self._channel = grpc.insecure_channel(service.address, options=[("grpc.enable_retries", 0)])

    def close(self) -> None:
        self._channel.close()

    def send(self) -> Verdict:
        """Send one, to any method."""
        path = self._random.choice(PATHS)
        return self.call(path, any_bytes(served.METHODS[path].request, self._random))

    def call(self, path: str, message: bytes) -> Verdict:
        """Send this one."""
        method = served.METHODS[path]
        call = method_of(self._channel, path)
        said = f"{path} of {message!r}"
        try:
            answer = call(message, timeout=_PATIENCE)
        except grpc.RpcError as error:
            return _refusal(error, said)
        try:
            method.response.FromString(answer)
        except Exception as error:
            return Verdict(said, problem=f"the response is no {method.response.DESCRIPTOR.name}: {error}")
        return Verdict(said, may_write=method.writes)


def _refusal(error: Any, said: str) -> Verdict:
    code, text = error.code(), error.details()
    if fault := _FAULTS.get(code):
        return Verdict(said, problem=f"the service {fault}: {code.name}: {text}")
    if not text:
        return Verdict(said, problem=f"{code.name} without a word why")
    return Verdict(said)


def method_of(channel: grpc.Channel, path: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method, with bytes in and bytes out."""
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return method
