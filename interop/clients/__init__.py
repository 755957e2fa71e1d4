"""Google's own clients, in several languages, each with the same scenario against the port.

A client is a program: `PROGRAM TRANSPORT ADDRESS PROJECT RECEIVER`. It does what `checks.py` lists, in a project that
no other has, and prints a line of JSON for each check: `{"check": "get-queue", "problem": ""}`, where no problem means
that it passed. A check of what its library does not have is left out with the reason: `{"check": …, "absent": "…"}`.
The receiver takes tasks at `RECEIVER/task/TOKEN`, and says at `RECEIVER/seen/TOKEN` what came, once something has.
"""
