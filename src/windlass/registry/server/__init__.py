"""The embedded registry: an OCI Distribution 1.1 server on one folder."""
