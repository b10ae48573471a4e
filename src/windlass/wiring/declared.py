"""How a release runs, as its own tree says; and where, as windlass.yaml says today."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from windlass.git.repository import Repository
from windlass.model.project import Declared, Environment, Project, TlsSpec
from windlass.wiring.projects import project_at


class Declarations:
    """The projects that trees declare, each read once.

    Args:
        tree: the one that `project` was read from.
    """

    def __init__(self, project: Project, repository: Repository, tree: str) -> None:
        self._today = project
        self._repository = repository
        self._known = {tree: project}
        self._reading = threading.Lock()

    def project(self, tree: str) -> Project:
        """What a tree declares; today's project where this version cannot read that."""
        with self._reading:
            if tree not in self._known:
                self._known[tree] = project_at(self._today, self._repository, tree)
            return self._known[tree]

    def of(self, environment: Environment, tree: str) -> Declared:
        """Where a tree does not have the environment, how it runs is what is declared today."""
        project = self.project(tree)
        own = next((one for one in project.environments if one.name == environment.name), None)
        if project is self._today or own is None:
            return Declared(project, environment)
        return Declared(project, self._readable(as_declared(own, environment), environment, tree))

    def _readable(self, merged: Environment, today: Environment, tree: str) -> Environment:
        """The same with today's files of this machine (variables, certificates) in place of those that have gone since: they are
        in no commit, and may be called otherwise by now."""
        if not all(self._is_there(name, tree) for name in merged.env_files):
            merged = replace(merged, env_files=today.env_files)
        if merged.edge is not None and merged.edge.tls and today.edge is not None:
            known = {(spec.service, spec.port): spec for spec in today.edge.tls}
            tls = tuple(
                spec if _is_whole(spec) else known.get((spec.service, spec.port), spec) for spec in merged.edge.tls
            )
            merged = replace(merged, edge=replace(merged.edge, tls=tls))
        return merged

    def _is_there(self, name: str, tree: str) -> bool:
        return (self._repository.root / name).is_file() or self._repository.entry(tree, name) is not None


def _is_whole(spec: TlsSpec) -> bool:
    return all(Path(name).is_file() for name in (spec.certificate, spec.key, spec.upstream_ca) if name)


def as_declared(own: Environment, today: Environment) -> Environment:
    """How a release runs is `own`, its tree's; what the environment is and how it is looked after is `today`'s. Pure."""
    edge = today.edge
    if edge is not None:
        edge = replace(edge, tls=own.edge.tls if own.edge else (), sni=own.edge.sni if own.edge else ())
    return replace(
        today,
        compose=own.compose,
        tags=own.tags,
        profiles=own.profiles,
        port_offset=own.port_offset,
        ports=own.ports,
        env_files=own.env_files,
        api=own.api,
        secrets=own.secrets,
        edge=edge,
    )
