"""What every plan needs, begun while the project is still being read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windlass.config.ahead import Ahead
from windlass.git.repository import Repository

if TYPE_CHECKING:
    from windlass.git.tree import GitFiles
    from windlass.model.source import Source
    from windlass.oci.mirrors import Mirrors


class HeadStart:
    """What every plan needs whatever the project says, under way while the project is still being read.

    Args:
        source: the commit that is planned, or that the working tree has gone on from.
    """

    def __init__(self, repository: Repository, source: Source) -> None:
        self._repository = repository
        self._tree = source.tree
        self._base = Ahead(self._read)
        self.mirrors = Ahead(_mirrors)
        self._files: Ahead[GitFiles] | None = None

    def know(self, source: Source) -> None:
        """The source is certain now."""
        self._files = Ahead(lambda: self._moved(source.tree))

    def files(self, source: Source) -> GitFiles:
        """The files of what is planned."""
        return self._files.result() if self._files is not None else self._moved(source.tree)

    def _read(self) -> GitFiles:
        from windlass.git.tree import GitFiles

        files = GitFiles(self._repository, self._tree)
        # Compose is still being waited for: everything that can be done without knowing what is built is done now.
        import windlass.oci.bases
        import windlass.oci.memory
        import windlass.registry.server.daemon  # noqa: F401
        from windlass.plan.planner import read_ahead

        read_ahead(files)
        return files

    def _moved(self, tree: str) -> GitFiles:
        changes = self._repository.changes(self._tree, tree) if tree != self._tree else []
        return self._base.result().move(changes)


def _mirrors() -> Mirrors:
    from windlass.oci.mirrors import engine_mirrors

    return engine_mirrors()
