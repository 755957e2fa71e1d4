"""Random requests to the port: whatever is asked is answered or refused, and what is refused has done nothing.

Requests go out in rounds. A round is a service of its own on a file, and all that happens in it follows from its seed:
`scripts/fuzz --seed SEED --requests 1` repeats it, up to the request that failed.

- `calls.py` sends messages to every method over gRPC, as `tests/service/any_message.py` makes them.
- `rest.py` sends such messages as JSON to Google's paths, with mistakes in JSON, path and query. It is not made from a
  schema (schemathesis wants OpenAPI): there is none of these APIs that knows more than protobuf's descriptions, from
  which the messages are made, and most values that fit a schema are refused for their names alone.
- `own.py` asks at the paths that are not Google's: health, admin, what was published; and BufferTask.
- `raw.py` sends bytes: nearly HTTP/2, nearly HTTP/1.1, and noise.
- `content.py` tells whether a call has changed the database.
"""
