"""Docker as a target, through Docker Compose."""

from windlass.deploy.docker.target import DockerTarget

__all__ = ["DockerTarget"]
