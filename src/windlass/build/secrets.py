"""Build secrets are checked before anything starts: a builder would only say that a file inside the build is missing."""

from __future__ import annotations

import os
from pathlib import Path

from windlass.build.interface import BuildRequest
from windlass.errors import CredentialsMissing


def check_secrets(request: BuildRequest) -> None:
    """Raises CredentialsMissing when a variable or file that a secret comes from is not there. Values are not looked at."""
    for secret in request.secrets:
        if secret.environment and secret.environment not in os.environ:
            raise CredentialsMissing(
                f"the build secret '{secret.id}' comes from the variable {secret.environment}, which is not set",
                where=request.service,
                remedy=f"export {secret.environment}=…",
            )
        if secret.file and not ((request.secret_root or Path()) / secret.file).is_file():
            raise CredentialsMissing(
                f"the build secret '{secret.id}' comes from the file {secret.file}, which does not exist",
                where=request.service,
                remedy="create it, or correct the path in the Compose file",
            )
