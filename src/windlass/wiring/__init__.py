"""The composition root: configuration → drivers. The only room that names drivers.

Drivers are imported where they are made, so that a command pays only for what it uses.
"""

from __future__ import annotations

from windlass.wiring.drivers import engines, make_builder, make_scanner, make_target
from windlass.wiring.examination import examine
from windlass.wiring.head_start import HeadStart
from windlass.wiring.projects import load_project, materialised, open_repository
from windlass.wiring.registries import (
    base_images,
    ensure_registry,
    looking_client,
    published_images,
    registry_client,
    registry_root,
)
from windlass.wiring.toolbox import planner, secrets_present, tools, workbench

__all__ = [
    "HeadStart",
    "base_images",
    "engines",
    "ensure_registry",
    "examine",
    "load_project",
    "looking_client",
    "make_builder",
    "make_scanner",
    "make_target",
    "materialised",
    "open_repository",
    "planner",
    "published_images",
    "registry_client",
    "registry_root",
    "secrets_present",
    "tools",
    "workbench",
]
