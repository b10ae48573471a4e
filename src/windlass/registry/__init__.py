"""The registry: Windlass's own server, and what keeps any registry in order.

`server/` is the embedded registry. `manage/` and `retention/` work on any registry through its API, and know nothing of the
server.
"""
