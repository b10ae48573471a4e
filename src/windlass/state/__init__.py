"""Desired state and its history, in git."""
