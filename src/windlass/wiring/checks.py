"""What a release is held to, from its own tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from windlass.errors import ConfigError
from windlass.git.repository import Repository

if TYPE_CHECKING:
    from windlass.model.events import Emit
    from windlass.model.observation import CheckResult, Endpoint
    from windlass.model.project import Environment
    from windlass.model.release import Release
    from windlass.verify.api import Suite
    from windlass.verify.asking import Asking

from windlass.wiring.declared import Declarations


class Checks:
    """What a release is held to: its own health checks and suites, from its own tree. A path that only the new one has must
    not fail a rollback."""

    def __init__(self, repository: Repository, declarations: Declarations) -> None:
        self._repository = repository
        self._declarations = declarations

    def verifiable(self, environment: Environment, release: Release) -> None:
        """Raises ConfigError: a suite cannot be read or names no service, or a variable or secret has no value here."""
        from windlass.deploy.environ import of_release, require
        from windlass.verify.api import to_probe
        from windlass.verify.selection import refuse_unknown

        declared = self._declarations.of(environment, release.tree)
        project, own = declared.project, declared.environment
        known = of_release(self._repository, release, own.env_files)
        require(own.secrets, known, environment=environment.name)
        for suite in self._suites(own, release):
            if own.compose == project.compose:
                refuse_unknown(suite, [service.name for service in project.services])
            for case in suite.cases:
                to_probe(case, known)

    def verify(
        self,
        environment: Environment,
        release: Release,
        endpoint: Callable[[str, int], Endpoint | None],
        emit: Emit,
        *,
        asking: Asking | None = None,
    ) -> tuple[CheckResult, ...]:
        from windlass.deploy.environ import of_release
        from windlass.verify.selection import checks_for
        from windlass.verify.verify import verify

        declared = self._declarations.of(environment, release.tree)
        own = declared.environment
        return verify(
            endpoint,
            checks_for(declared.project, release),
            self._suites(own, release),
            timeout=own.verify_timeout,
            environ=of_release(self._repository, release, own.env_files),
            emit=emit,
            asking=asking,
        )

    def _suites(self, own: Environment, release: Release) -> list[Suite]:
        from windlass.verify.api import parse_suite
        from windlass.verify.selection import cases_for

        suites = (parse_suite(_suite_text(self._repository, release, name), name) for name in own.api)
        return [cases_for(suite, release) for suite in suites]


def _suite_text(repository: Repository, release: Release, name: str) -> bytes:
    text = repository.read(release.tree, name)
    if text is None:
        raise ConfigError(
            f"{release.id} does not hold the API suite {name}; commit it, or take it out of environments.*.api",
            where="windlass.yaml",
        )
    return text.encode()
