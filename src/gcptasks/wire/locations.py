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
from gcptasks.wire.required import Required

SERVICE = "google.cloud.location.Locations"

_EVERY_PROJECT = "projects/-"

# Google names the API that was asked. Here one address serves all of them.
_required = Required(SERVICE, "cloudtasks.googleapis.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLocations:
    """Which part of which list of locations is asked for."""

    project: ProjectName | None
    """None: all projects."""
    page_size: int
    """0: as many as the call allows."""
    page_token: str


def list_locations(request: ListLocationsRequest) -> ListLocations:
    """What is asked for; `InvalidArgument` if the name is not that of a project."""
    name = _required(request.name, request)
    # `-` is Google's sign for all of a kind (AIP-159), though its own ListLocations does not know it (CT-L19).
    project = None if name == _EVERY_PROJECT else parse_project(name)
    if request.filter:
        raise Unimplemented("The local service does not support filters yet; list all locations instead.")
    return ListLocations(project=project, page_size=request.page_size, page_token=request.page_token)


def location_name(request: GetLocationRequest) -> LocationName:
    """The location that the request names; `InvalidArgument` if it names none."""
    return parse_location(_required(request.name, request))


def location_message(location: LocationName) -> Location:
    """The location as callers see it (CT-090)."""
    return Location(name=str(location), location_id=location.location)


def location_list(locations: Iterable[LocationName], next_page_token: str) -> ListLocationsResponse:
    """One page of locations as callers see it."""
    return ListLocationsResponse(locations=map(location_message, locations), next_page_token=next_page_token)
