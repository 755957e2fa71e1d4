"""Locations as messages, and what the calls of `google.cloud.location.Locations` ask for."""

from collections.abc import Iterable
from dataclasses import dataclass

from google.cloud.location.locations_pb2 import (
    GetLocationRequest,
    ListLocationsRequest,
    ListLocationsResponse,
    Location,
)

from gcptasks.base.errors import Unimplemented
from gcptasks.base.names import LocationName, ProjectName, parse_location, parse_project
from gcptasks.wire.resources import Resources

SERVICE = "google.cloud.location.Locations"

_EVERY_PROJECT = "projects/-"

# Google names the API that was asked. Here one address serves all of them.
_resource = Resources(
    SERVICE,
    "cloudtasks.googleapis.com",
    {"ListLocations": "cloudtasks.locations.list", "GetLocation": "cloudtasks.locations.get"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLocations:
    """Which part of which list of locations is asked for."""

    project: ProjectName | None
    """None: all projects."""
    page_size: int
    """0: as many as the call allows."""
    page_token: str


def list_locations(request: ListLocationsRequest) -> ListLocations:
    """What is asked for; a `ServiceError` if the name is not that of a project."""
    # `-` is Google's sign for all of a kind (AIP-159), though its own ListLocations does not know it (CT-L19).
    project = None if request.name == _EVERY_PROJECT else _resource(parse_project, request.name, request)
    if request.filter:
        raise Unimplemented("The local service does not support filters yet; list all locations instead.")
    return ListLocations(project=project, page_size=request.page_size, page_token=request.page_token)


def location_name(request: GetLocationRequest) -> LocationName:
    """The location that the request names; a `ServiceError` if it names none."""
    return _resource(parse_location, request.name, request)


def location_message(location: LocationName) -> Location:
    """The location as callers see it (CT-090)."""
    return Location(name=str(location), location_id=location.location)


def location_list(locations: Iterable[LocationName], next_page_token: str) -> ListLocationsResponse:
    """One page of locations as callers see it."""
    return ListLocationsResponse(locations=map(location_message, locations), next_page_token=next_page_token)
