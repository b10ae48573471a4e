"""Frozen values shared by all rooms. Nothing here reads or writes anything."""
