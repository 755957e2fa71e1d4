"""What the API is called."""

SERVICE = "google.cloud.tasks.v2.CloudTasks"
