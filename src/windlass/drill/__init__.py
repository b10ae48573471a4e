"""Rehearsing failures on a throwaway copy of an environment."""
