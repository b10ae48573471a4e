"""The API of the OCI Distribution Specification: requests under `/v2/`, and what of them reaches the disk."""
