"""What every service here shares: HTTP, JSON, health, logs, TLS, a clean stop. Standard library only."""

from service_kit.app import App, Problem, Request, Response

__all__ = ["App", "Problem", "Request", "Response"]
