"""From an endpoint's arguments to the request that brings them to it, unchanged or not at all."""

from fastapi_gcp_tasks.encode.header_rules import check_header
from fastapi_gcp_tasks.encode.plan import JSON_TYPE, Encoded, Plan, compile_plan

__all__ = ["JSON_TYPE", "Encoded", "Plan", "check_header", "compile_plan"]
