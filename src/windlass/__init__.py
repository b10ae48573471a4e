"""Windlass takes a repository of containerised services from a commit to a healthy deployment, and back."""

__version__ = "0.1.0"
