"""The test kit. What is public of it is imported from `fastapi_gcp_tasks.testing` or `cloudtask.testing`."""

PUBLIC = {
    "AsyncTestTasks": "gcptasks.testing.kit",
    "EnqueuedTask": "gcptasks.testing.enqueued",
    "NextAttempt": "gcptasks.testing.attempt_faults",
    "Outcome": "gcptasks.testing.runs",
    "Run": "gcptasks.testing.runs",
    "ServiceTasks": "gcptasks.testing.service_tasks",
    "TestTasks": "gcptasks.testing.kit",
}
"""Its public names, and where each is."""
