"""Every error a person can meet, with the exit code it ends in.

    WindlassError                       1   unexpected failure
    ├── UsageError                     64   wrong words on the command line
    │   └── ConfigError                64   windlass.yaml, a Compose file or an API suite is wrong
    ├── ScanRefused                     3   the scan gate refused an image
    ├── Locked                          6   another deployment holds the environment, or took it over
    │   ├── Held                        6   it is at work right now: nothing was touched, waiting ends it
    │   └── Overtaken                   6   it ended meanwhile: nothing was touched, and what was decided is out of date
    ├── EnvironmentUnusable             7   engine, registry, git repository, credentials or disk
    │   ├── EngineUnavailable           7
    │   ├── RegistryUnavailable         7
    │   └── CredentialsMissing          7
    ├── StageFailed                     8   a build or a service's tests failed
    │   ├── BuildFailed                 8
    │   └── TestsFailed                 8
    ├── Refused                         9   quarantine, freeze window, missing approval
    └── DeploymentFailed               10   raised by targets and verification; the flow turns it into
        └── VerificationFailed         10   4 (restored), 5 (restore failed too) or 10 (nothing to restore)

An error says what happened (`message`), where (`where`: a file and the path in it, or a service), and what to do
(`remedy`). Third-party exceptions are translated once, at the edge that met them, and chained with `from`.
"""

from __future__ import annotations


class ExitCode:
    """The exit codes of the command line, as named in `docs/cli.md`."""

    DONE = 0
    UNEXPECTED = 1
    CHANGES = 2
    SCAN_REFUSED = 3
    RESTORED = 4
    RESTORE_FAILED = 5
    LOCKED = 6
    UNUSABLE = 7
    STAGE_FAILED = 8
    REFUSED = 9
    NOTHING_TO_RESTORE = 10
    AUDIT_DIFFERS = 11
    USAGE = 64
    INTERRUPTED = 130


class WindlassError(Exception):
    """An error for a person: what happened, where, what to do.

    Args:
        message: one sentence without a trailing full stop needed; may hold several lines.
        where: file and path in it, service, or URL; None when the message says it all.
        remedy: what to do about it, in the imperative.
    """

    exit_code: int = ExitCode.UNEXPECTED

    def __init__(self, message: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(WindlassError):
    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A file the user wrote is wrong. `where` is `FILE: path.in.file`."""


class ScanRefused(WindlassError):
    exit_code = ExitCode.SCAN_REFUSED


class Locked(WindlassError):
    exit_code = ExitCode.LOCKED


class Held(Locked):
    """Somebody else is changing the environment right now; nothing was touched."""


class Overtaken(Locked):
    """The environment's history is not the one that was decided on any more; nothing was touched, and it is to be begun anew."""


class EnvironmentUnusable(WindlassError):
    exit_code = ExitCode.UNUSABLE


class EngineUnavailable(EnvironmentUnusable):
    pass


class RegistryUnavailable(EnvironmentUnusable):
    pass


class CredentialsMissing(EnvironmentUnusable):
    pass


class StageFailed(WindlassError):
    """A service's build or tests failed. `log` holds the last lines of its output."""

    exit_code = ExitCode.STAGE_FAILED

    def __init__(
        self, message: str, *, where: str | None = None, remedy: str | None = None, log: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.log = log


class BuildFailed(StageFailed):
    pass


class TestsFailed(StageFailed):
    __test__ = False  # pytest must not collect it


class Refused(WindlassError):
    exit_code = ExitCode.REFUSED


class DeploymentFailed(WindlassError):
    """A release did not become healthy. `evidence` maps a service to its last log lines and health output. `blames` says
    that it is the release's own doing: not when an image could not be pulled, or a check could not even be made."""

    exit_code = ExitCode.NOTHING_TO_RESTORE

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        remedy: str | None = None,
        evidence: dict[str, tuple[str, ...]] | None = None,
        blames: bool = True,
    ) -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.evidence = evidence or {}
        self.blames = blames


class VerificationFailed(DeploymentFailed):
    pass
