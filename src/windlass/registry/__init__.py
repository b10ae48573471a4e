"""The embedded registry server."""
