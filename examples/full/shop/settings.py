"""What differs between a laptop and Google Cloud; all of it comes from the environment."""

import os

PROJECT = os.environ.get("PROJECT", "my-project")
REGION = os.environ.get("REGION", "us-central1")
WORKER_URL = os.environ.get("WORKER_URL", "http://localhost:8001")
"""Where the queue reaches the worker, and for whom its tokens are."""
INVOKER = os.environ.get("INVOKER", f"tasks-invoker@{PROJECT}.iam.gserviceaccount.com")
"""The service account that calls the worker, and no other may."""
