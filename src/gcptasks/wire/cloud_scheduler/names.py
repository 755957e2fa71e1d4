"""What the API is called. Importing this loads nothing of Google's."""

from gcptasks.wire.required import Required

SERVICE = "google.cloud.scheduler.v1.CloudScheduler"
HOST = "cloudscheduler.googleapis.com"

required = Required(SERVICE, HOST)
"""The name that a request of this API must have."""
