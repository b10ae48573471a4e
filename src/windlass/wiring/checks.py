"""What a release is held to, from its own tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from windlass.errors import ConfigError
from windlass.git.repository import Repository

if TYPE_CHECKING:
    from windlass.model.events import Emit
    from windlass.model.observation import CheckResult, Endpoint
    from windlass.model.project import Environment, Project
    from windlass.model.release import Release
    from windlass.verify.api import Suite
    from windlass.verify.asking import Asking

from windlass.wiring.projects import project_at


class Checks:
    """What a release is held to: its own health checks and suites, from its own tree."""

    def __init__(self, project: Project, repository: Repository, tree: str) -> None:
        self._project = project
        self._repository = repository
        self._tree = tree
        self._declared: dict[str, Project] = {}

    def verifiable(self, environment: Environment, release: Release) -> None:
        """Raises ConfigError: a suite cannot be read or names no service, or a variable or secret has no value here."""
        from windlass.deploy.environ import require
        from windlass.verify.api import to_probe
        from windlass.verify.selection import refuse_unknown

        known = self._variables(environment, release)
        require(environment.secrets, known, environment=environment.name)
        declared = self._project_of(release)
        for suite in self._suites(environment, release):
            if environment.compose == declared.compose:
                refuse_unknown(suite, [service.name for service in declared.services])
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
        from windlass.verify.selection import checks_for
        from windlass.verify.verify import verify

        return verify(
            endpoint,
            checks_for(self._project_of(release), release),
            self._suites(environment, release),
            timeout=self._environment(environment, release).verify_timeout,
            environ=self._variables(environment, release),
            emit=emit,
            asking=asking,
        )

    def _suites(self, environment: Environment, release: Release) -> list[Suite]:
        from windlass.verify.api import parse_suite
        from windlass.verify.selection import cases_for

        names = self._environment(environment, release).api
        suites = (parse_suite(_suite_text(self._repository, release, name), name) for name in names)
        return [cases_for(suite, release) for suite in suites]

    def _environment(self, environment: Environment, release: Release) -> Environment:
        declared = self._project_of(release).environments
        return next((one for one in declared if one.name == environment.name), environment)

    def _project_of(self, release: Release) -> Project:
        """An earlier release is held to its own checks: a path that only the new one has must not fail a rollback."""
        if release.tree == self._tree:
            return self._project
        if release.tree not in self._declared:
            self._declared[release.tree] = project_at(self._project, self._repository, release.tree)
        return self._declared[release.tree]

    def _variables(self, environment: Environment, release: Release) -> Mapping[str, str]:
        from windlass.deploy.environ import of_release

        return of_release(self._repository, release, environment.env_files)


def _suite_text(repository: Repository, release: Release, name: str) -> bytes:
    text = repository.read(release.tree, name)
    if text is None:
        raise ConfigError(
            f"{release.id} does not hold the API suite {name}; commit it, or take it out of environments.*.api",
            where="windlass.yaml",
        )
    return text.encode()
