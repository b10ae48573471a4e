"""The edge: HAProxy in front of services, so that a release is a switch and not a restart."""
