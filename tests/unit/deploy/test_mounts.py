"""Where a bind mount's files come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from windlass.deploy.docker.mounts import Source, decide, sources
from windlass.errors import ConfigError
from windlass.git.repository import TreeEntry

FILE = TreeEntry("100644", "blob", "b" * 40, "a")
FOLDER = TreeEntry("040000", "tree", "c" * 40, "a")
LINK = TreeEntry("120000", "blob", "d" * 40, "a")
MODULE = TreeEntry("160000", "commit", "e" * 40, "a")


@pytest.mark.parametrize(
    ("entry", "writable", "substantial", "in_checkout", "kind"),
    [
        (FOLDER, False, True, True, "copy"),
        (FOLDER, False, False, True, "copy"),
        (FOLDER, True, True, True, "copy"),
        (FOLDER, True, False, True, "checkout"),
        (FOLDER, True, False, False, "empty"),
        (FILE, True, False, True, "copy"),
        (FILE, False, False, False, "copy"),
        (LINK, False, False, True, "checkout"),
        (MODULE, False, False, True, "checkout"),
        (None, True, False, True, "checkout"),
        (None, True, False, False, "empty"),
    ],
)
def test_the_release_s_files_are_copied_and_other_data_stays_where_it_is(
    entry: TreeEntry | None, writable: bool, substantial: bool, in_checkout: bool, kind: str
) -> None:
    source = Source("/tree/a", "a", writable, creatable=True, user="services.web.volumes")
    assert decide(source, entry, substantial=substantial, in_checkout=in_checkout).kind == kind


def test_a_path_outside_the_repository_stays() -> None:
    absolute = Source("/var/run/docker.sock", None, True, True, "services.web.volumes")
    beside = Source("/x/data", "../data", True, True, "services.web.volumes")
    assert decide(absolute, None, substantial=False, in_checkout=False).kind == "as it is"
    assert decide(beside, None, substantial=False, in_checkout=False).kind == "checkout"


def test_a_secret_that_is_nowhere_is_refused() -> None:
    source = Source("/tree/key", "key", False, creatable=False, user="secrets.key.file")
    with pytest.raises(ConfigError, match=r"secrets\.key\.file: the file key does not exist"):
        decide(source, None, substantial=False, in_checkout=False)


def model(**more: Any) -> dict[str, Any]:
    volumes = [
        {
            "type": "bind",
            "source": "/tmp/up/tree/www",
            "target": "/a",
            "read_only": True,
            "bind": {"create_host_path": True},
        },
        {"type": "bind", "source": "/tmp/up/data", "target": "/b"},
        {"type": "bind", "source": "/etc/hosts", "target": "/c"},
        {"type": "bind", "source": "/tmp/up/tree", "target": "/d"},
        {"type": "volume", "source": "named", "target": "/e"},
    ]
    web = {"volumes": volumes, "secrets": [{"source": "key"}, {"source": "outside"}], **more}
    secrets = {"key": {"file": "/tmp/up/tree/$$key"}, "outside": {"external": True}, "unused": {"file": "/x"}}
    return {"services": {"web": web, "other": {"volumes": volumes[:1]}}, "secrets": secrets}


def test_sources_are_seen_from_the_repository_s_root() -> None:
    found = sources(model(), ("web",), Path("/tmp/up/tree"), Path("/tmp"))
    assert [(s.relative, s.writable, s.creatable) for s in found] == [
        ("www", False, True),
        ("../data", True, False),
        (None, True, False),
        (".", True, False),
        ("$key", False, False),
    ]


def test_a_source_that_anybody_may_write_to_is_writable() -> None:
    both = model()
    both["services"]["other"]["volumes"] = [{"type": "bind", "source": "/tmp/up/tree/www", "target": "/a"}]
    found = {s.relative: s for s in sources(both, ("web", "other"), Path("/tmp/up/tree"), Path("/tmp"))}
    assert found["www"].writable


def test_a_checkout_that_is_read_as_it_is_knows_only_what_is_inside() -> None:
    found = sources(model(), ("web",), Path("/tmp/up/tree"), Path("/tmp/up/tree"))
    assert [s.relative for s in found] == ["www", None, None, ".", "$key"]
