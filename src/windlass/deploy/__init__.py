"""Releases are brought to a target, and back."""
