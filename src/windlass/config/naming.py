"""What a repository of a registry may be called (OCI distribution specification, "Pulling manifests")."""

from __future__ import annotations

import re

REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*")
