"""The number of the newest deployment, kept on the engine itself: there, deployers of other machines and users see it.

An empty volume of the environment bears it as a label. Labels of containers would have Compose make these anew, and an edge
is not there everywhere; a volume stays when containers come and go, and goes with `docker compose down --volumes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from windlass.deploy.docker import naming
from windlass.deploy.docker.engine import Docker


class Marks:
    """Args: project: the environment's name in Compose."""

    def __init__(self, docker: Docker, project: str) -> None:
        self._docker = docker
        self._project = project

    def highest(self) -> int:
        """The highest number that was noted; 0 where there is none. Raises EngineUnavailable."""
        return max(self._there(), default=0)

    def newer(self, sequence: int) -> int:
        """The highest number, where it is above this one; otherwise 0. It counts while there is anything of the environment:
        one that was taken down may begin anew.

        Raises:
            EngineUnavailable
        """
        return self._above(sequence, self._there())

    def claim(self, sequence: int) -> int:
        """As `newer`; and this number is noted where there is none above it.

        Raises:
            EngineUnavailable: also where the number could not be noted, so that nobody would be held back by it.
        """
        there = self._there()
        if newest := self._above(sequence, there):
            return newest
        if sequence not in there:
            made = self._docker.run(note_command(self._project, sequence))
            if not made.ok:
                raise self._docker.refusal(made.stderr)
        others = [name for number, name in there.items() if number != sequence]
        if others:
            self._docker.run(["docker", "volume", "rm", *others])
        return 0

    def _above(self, sequence: int, there: Mapping[int, str]) -> int:
        highest = max(there, default=0)
        return highest if highest > sequence and self._docker.containers(self._project) else 0

    def _there(self) -> dict[int, str]:
        return parse_marks(self._docker.volumes(self._project, naming.SEQUENCE))


def note_command(project: str, sequence: int) -> list[str]:
    """The volume's name has a dot, which no volume of a Compose file has at that place."""
    labels = {"com.docker.compose.project": project, naming.SEQUENCE: str(sequence)}
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    return ["docker", "volume", "create", *words, f"{project}.deployment-{sequence}"]


def parse_marks(volumes: Iterable[tuple[str, Mapping[str, str]]]) -> dict[int, str]:
    """Number → name of its volume; what has no number is no mark."""
    found = ((labels.get(naming.SEQUENCE, ""), name) for name, labels in volumes)
    return {int(number): name for number, name in found if number.isdecimal()}
