"""What the API is called. Importing this loads nothing of Google's."""

from gcptasks.wire.resources import Resources

SERVICE = "google.cloud.tasks.v2.CloudTasks"
HOST = "cloudtasks.googleapis.com"

PERMISSIONS = {
    "CreateQueue": "cloudtasks.queues.create",
    "GetQueue": "cloudtasks.queues.get",
    "ListQueues": "cloudtasks.queues.list",
    "UpdateQueue": "cloudtasks.queues.update",
    "DeleteQueue": "cloudtasks.queues.delete",
    "PauseQueue": "cloudtasks.queues.pause",
    "ResumeQueue": "cloudtasks.queues.resume",
    "PurgeQueue": "cloudtasks.queues.purge",
    # Google names this one for all three.
    "GetIamPolicy": "cloudtasks.queues.list",
    "SetIamPolicy": "cloudtasks.queues.list",
    "TestIamPermissions": "cloudtasks.queues.list",
    "CreateTask": "cloudtasks.tasks.create",
    "BatchCreateTasks": "cloudtasks.tasks.create",
    "GetTask": "cloudtasks.tasks.get",
    "ListTasks": "cloudtasks.tasks.list",
    "DeleteTask": "cloudtasks.tasks.delete",
    "BatchDeleteTasks": "cloudtasks.tasks.delete",
    "RunTask": "cloudtasks.tasks.run",
}
"""What a caller needs for each method, as refusals of names tell it (CT-256)."""

resource = Resources(SERVICE, HOST, PERMISSIONS)
"""The name of what a request of this API is about."""
