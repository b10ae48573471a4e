"""What would be built and why: Dockerfile inputs, ignore rules, git trees, fingerprints."""
