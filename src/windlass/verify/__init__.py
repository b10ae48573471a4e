"""Health checks and API suites against live endpoints."""
