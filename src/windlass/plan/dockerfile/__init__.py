"""Dockerfiles, read by BuildKit's rules. `stages.read` is the way in."""
