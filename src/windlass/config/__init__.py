"""windlass.yaml and the Compose files, as one frozen Project."""
