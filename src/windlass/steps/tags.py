"""Tags from an environment's templates. Pure."""

from __future__ import annotations

import re

from windlass.model.project import Environment
from windlass.model.source import Source

_DEFAULT = ("{branch}-{sha}",)


def immutable_tags(source: Source, environment: Environment | None) -> tuple[str, ...]:
    """The tags a release is published with: `develop-def5678`. Those without `{sha}` come later, after verification."""
    templates = environment.tags if environment is not None else _DEFAULT
    chosen = [template for template in templates if "{sha}" in template] or list(_DEFAULT)
    return tuple(dict.fromkeys(_fill(template, source, environment) for template in chosen))


def moving_tags(environment: Environment, branch: str | None) -> tuple[str, ...]:
    """Tags such as `latest`, which name whatever was verified last."""
    name = tag_name(branch or environment.branch or environment.name)
    return tuple(template.replace("{branch}", name) for template in environment.tags if "{sha}" not in template)


def tag_name(branch: str) -> str:
    """A branch name with the characters a tag may not hold replaced: `feature/x` becomes `feature-x`.

    OCI Distribution 1.1: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`; 80 characters leave room for the commit.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", branch)[:80]
    return re.sub(r"^[.-]+", "", name) or "branch"


def _fill(template: str, source: Source, environment: Environment | None) -> str:
    branch = source.branch or (environment.branch if environment else None) or "detached"
    return template.replace("{branch}", tag_name(branch)).replace("{sha}", source.sha)
