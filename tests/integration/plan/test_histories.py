"""What git's history, the machine and the registry have to do with a decision: only what they should."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.integration.plan.shop import FILES, Shop
from tests.integration.registry.serving import Server, free_port

from windlass.git.repository import Repository
from windlass.oci.memory import RegistryMemory
from windlass.testing.contracts.histories import HISTORIES, History

Happening: TypeAlias = Callable[[Shop], "Path | None"]
"""Something happens after the service was published; returns the checkout to plan from, None for the same one."""
HAPPENINGS: dict[str, Happening] = {}


def happening(name: str) -> Callable[[Happening], Happening]:
    def note(function: Happening) -> Happening:
        HAPPENINGS[name] = function
        return function

    return note


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(tmp_path_factory.mktemp("registry") / "root", free_port())
    server.start()
    yield f"127.0.0.1:{server.port}"
    server.end()


@pytest.fixture
def shop(registry: str, tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "origin", registry, f"t{uuid.uuid4().hex[:12]}")
    found.begin()
    return found


@pytest.mark.parametrize("history", HISTORIES, ids=[history.name for history in HISTORIES])
def test_only_what_the_image_is_made_of_has_it_built_again(history: History, shop: Shop) -> None:
    if history.name.startswith("a base image"):
        shop.commit({"Dockerfile": f"FROM {shop.base('1', 'first')}\nCOPY app /app\n"})
    if "LFS" in history.name:
        shop.commit({".gitattributes": "*.bin filter=lfs -text\n", "app/x.bin": _pointer("a")})
    if "service below" in history.name:
        shop.build_from_lib()
    shop.publish()
    assert {item.action for item in shop.plan().services} == {"reuse"}

    checkout = HAPPENINGS[history.name](shop)

    plan = shop.plan(checkout)
    assert not plan.failed
    actions = [item.action for item in plan.services if item.service.name == "app"]
    assert actions == ["build" if history.rebuilds else "reuse"], plan.services


def test_every_case_happens() -> None:
    assert set(HAPPENINGS) == {history.name for history in HISTORIES}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("the image is deleted", "the registry lost its image: its image is gone from the registry"),
        ("the image lost a platform", "the registry lost its image: its image in the registry has lost linux/arm64"),
        ("an edit that is not committed", "input changed: app/main.py"),
    ],
)
def test_the_reason_is_said(name: str, reason: str, shop: Shop) -> None:
    shop.publish()
    HAPPENINGS[name](shop)

    assert shop.plan().services[0].reasons == (reason,)


def test_a_base_image_that_lost_our_platform_is_said_before_anything_is_built(shop: Shop) -> None:
    shop.commit({"Dockerfile": f"FROM {shop.base('1', 'first')}\nCOPY app /app\n", "x": ""})
    shop.publish()
    shop.base("1", "first", ("linux/amd64",))

    with pytest.raises(Exception, match="linux/arm64"):
        shop.plan()


# -- clones and checkouts ------------------------------------------------------------------------------------------------


@happening("a shallow clone of one commit")
def _(shop: Shop) -> Path:
    shop.commit({"docs/guide.md": "more\n"})
    return shop.clone("shallow", "--depth=1")


@happening("a detached HEAD")
def _(shop: Shop) -> None:
    shop.git("checkout", "-q", "--detach")


@happening("a new machine with an empty home")
def _(shop: Shop) -> Path:
    os.environ["WINDLASS_HOME"] = str(shop.origin.parent / "another-home")  # restored by the fixture that set it
    return shop.clone("new")


@happening("a second work tree of the same repository")
def _(shop: Shop) -> Path:
    shop.git("worktree", "add", "-q", "../second", "-b", "second")
    return shop.origin.parent / "second"


@happening("a sparse checkout without this service's files")
def _(shop: Shop) -> Path:
    sparse = shop.clone("sparse", "--no-checkout")
    shop.git("sparse-checkout", "set", "docs", at=sparse)
    shop.git("checkout", "-q", "main", at=sparse)
    assert not (sparse / "app").exists()
    return sparse


@happening("a clone that writes files with Windows line ends")
def _(shop: Shop) -> Path:
    windows = shop.clone("windows", "-c", "core.autocrlf=true")
    assert b"\r\n" in (windows / "app/data/a.txt").read_bytes()
    return windows


# -- history -------------------------------------------------------------------------------------------------------------


def _branch(shop: Shop, files: dict[str, str]) -> None:
    shop.git("checkout", "-q", "-b", "topic")
    shop.commit(files)


def _merge(shop: Shop) -> None:
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "--no-edit", "topic")


@happening("a merge commit that brings nothing for this service")
def _(shop: Shop) -> None:
    _branch(shop, {"docs/guide.md": "more\n"})
    _merge(shop)


@happening("a merge commit that brings a change of this service")
def _(shop: Shop) -> None:
    _branch(shop, {"app/main.py": "print(2)\n"})
    _merge(shop)


@happening("a merge commit of what was built on its branch")
def _(shop: Shop) -> None:
    _branch(shop, {"app/main.py": "print(2)\n"})
    shop.publish()
    _merge(shop)


@happening("a squash of commits that were built one by one")
def _(shop: Shop) -> None:
    _branch(shop, {"app/main.py": "print(2)\n"})
    shop.publish()
    shop.commit({"app/main.py": "print(3)\n"})
    shop.publish()
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--squash", "topic")
    shop.git("commit", "-q", "-m", "all of it")


@happening("a rebase that gives every commit another id")
def _(shop: Shop) -> None:
    _branch(shop, {"app/main.py": "print(2)\n"})
    shop.publish()
    shop.git("checkout", "-q", "main")
    shop.commit({"docs/guide.md": "more\n"})
    shop.git("rebase", "-q", "main", "topic")


@happening("a force-push back to an earlier commit")
def _(shop: Shop) -> Path:
    clone = shop.clone("follower")
    shop.commit({"app/main.py": "print(2)\n"})
    shop.publish()
    shop.git("reset", "-q", "--hard", "HEAD~1")
    shop.git("fetch", "-q", at=clone)
    shop.git("reset", "-q", "--hard", "origin/main", at=clone)
    return clone


@happening("a force-push that rewrites history and keeps the files")
def _(shop: Shop) -> Path:
    clone = shop.clone("follower")
    shop.git("commit", "-q", "--amend", "-m", "another message")
    shop.git("fetch", "-q", at=clone)
    shop.git("reset", "-q", "--hard", "origin/main", at=clone)
    return clone


@happening("a history that begins anew with the same files")
def _(shop: Shop) -> None:
    shop.git("checkout", "-q", "--orphan", "anew")
    shop.git("commit", "-q", "-m", "start")


@happening("a change that is taken back")
def _(shop: Shop) -> None:
    shop.commit({"app/main.py": "print(2)\n"})
    shop.git("revert", "--no-edit", "HEAD")


@happening("a cherry-pick onto another branch")
def _(shop: Shop) -> None:
    _branch(shop, {"app/main.py": "print(2)\n"})
    shop.publish()
    shop.git("checkout", "-q", "main")
    shop.commit({"docs/guide.md": "more\n"})
    shop.git("cherry-pick", "topic")


@happening("a branch that is behind the one it came from")
def _(shop: Shop) -> None:
    shop.git("branch", "behind")
    shop.commit({"app/main.py": "print(2)\n"})
    shop.publish()
    shop.git("checkout", "-q", "behind")
    shop.commit({"docs/guide.md": "more\n"})


@happening("a commit without changes")
def _(shop: Shop) -> None:
    shop.commit({})


@happening("a commit of other files after a run that failed")
def _(shop: Shop) -> None:
    shop.commit({"app/main.py": "broken(\n"})  # its run failed: nothing was published
    shop.commit({"docs/guide.md": "more\n"})


@happening("the same commit again after a run that failed")
def _(shop: Shop) -> None:
    shop.commit({"app/main.py": "print(2)\n"})
    shop.plan()


@happening("this service's files change and another branch has built them")
def _(shop: Shop) -> None:
    _branch(shop, {"app/main.py": "print(2)\n"})
    shop.publish()
    shop.git("checkout", "-q", "main")
    shop.commit({"app/main.py": "print(2)\n", "docs/guide.md": "more\n"})


# -- work trees ----------------------------------------------------------------------------------------------------------


@happening("an edit that is not committed")
def _(shop: Shop) -> None:
    shop.write({"app/main.py": "print(2)\n"})


@happening("an edit that is not committed and taken back")
def _(shop: Shop) -> None:
    shop.write({"app/main.py": "print(2)\n"})
    shop.plan()
    shop.write({"app/main.py": FILES["app/main.py"]})


@happening("an untracked file in a copied folder")
def _(shop: Shop) -> None:
    shop.write({"app/new.py": "new\n"})


@happening("an untracked file that git ignores")
def _(shop: Shop) -> None:
    shop.write({"app/x.log": "new\n"})


@happening("files written again with new times")
def _(shop: Shop) -> None:
    for name in FILES:
        os.utime(shop.origin / name, (2_000_000_000, 2_000_000_000))


@happening("files with another umask")
def _(shop: Shop) -> None:
    for name in FILES:
        (shop.origin / name).chmod(0o600)


# -- submodules and LFS ----------------------------------------------------------------------------------------------------


def _submodule(shop: Shop, place: str) -> Path:
    """Add a submodule, publish, and return the repository that it comes from."""
    library = shop.origin.parent / "library"
    library.mkdir()
    shop.git("init", "-q", "-b", "main", at=library)
    (library / "code").write_text("1\n")
    shop.git("add", "code", at=library)
    shop.git("commit", "-q", "-m", "start", at=library)
    shop.git("submodule", "--quiet", "add", f"file://{library}", place)
    shop.commit({})
    shop.publish()
    return library


def _move(shop: Shop, library: Path, place: str) -> None:
    (library / "code").write_text("2\n")
    shop.git("commit", "-q", "-am", "more", at=library)
    shop.git("pull", "-q", at=shop.origin / place)
    shop.commit({})


@happening("a submodule outside of what is copied moves")
def _(shop: Shop) -> None:
    _move(shop, _submodule(shop, "vendor"), "vendor")


@happening("a submodule in a copied folder moves")
def _(shop: Shop) -> None:
    _move(shop, _submodule(shop, "app/vendor"), "app/vendor")


@happening("a submodule that is not checked out")
def _(shop: Shop) -> Path:
    _submodule(shop, "app/vendor")
    return shop.clone("without")


def _pointer(letter: str) -> str:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{letter * 64}\nsize 9\n"


@happening("an LFS file in a clone without LFS")
def _(shop: Shop) -> Path:
    return shop.clone("without")


@happening("an LFS file that points to other content")
def _(shop: Shop) -> None:
    shop.commit({"app/x.bin": _pointer("b")})


# -- the registry --------------------------------------------------------------------------------------------------------


@happening("the image is deleted")
def _(shop: Shop) -> None:
    repository, _ = shop.manifests()
    assert shop.client.delete_manifest(repository, shop.published[-1].digest or "")


@happening("the image lost a platform")
def _(shop: Shop) -> None:
    repository, platforms = shop.manifests()
    assert shop.client.delete_manifest(repository, platforms["linux/arm64"])


@happening("the fingerprint is known for one platform only")
def _(shop: Shop) -> None:
    shop.commit({"app/main.py": "print(2)\n"})
    shop.platforms = ("linux/amd64",)
    shop.publish()
    shop.platforms = ("linux/amd64", "linux/arm64")


@happening("the record of the fingerprint is deleted")
def _(shop: Shop) -> None:
    records = f"{shop.prefix}/windlass/fingerprints"
    for tag in list(shop.client.tags(records)):
        shop.client.delete_tag(records, tag)


@happening("all tags of the image are deleted, and its digest is there")
def _(shop: Shop) -> None:
    repository, _ = shop.manifests()
    for tag in list(shop.client.tags(repository)):
        assert shop.client.delete_tag(repository, tag)


@happening("a tag that is no record stands among the records")
def _(shop: Shop) -> None:
    records = f"{shop.prefix}/windlass/fingerprints"
    stored = shop.client.get_manifest(records, next(iter(shop.client.tags(records))))
    shop.client.put_manifest(records, "latest", stored.body, stored.descriptor.media_type)


@happening("another machine has published the same")
def _(shop: Shop) -> Path:
    shop.commit({"app/main.py": "print(2)\n"})
    shop.publish(shop.clone("elsewhere"))
    shutil.rmtree(shop.origin.parent / "elsewhere")
    return shop.clone("here")


@happening("the image gets another name")
def _(shop: Shop) -> None:
    shop.image = "renamed"


@happening("a base image's tag is given more platforms, the same image on ours")
def _(shop: Shop) -> None:
    shop.base("1", "first", ("linux/amd64", "linux/arm64", "linux/s390x"))


@happening("a base image's tag is given another image")
def _(shop: Shop) -> None:
    shop.base("1", "second")


@happening("a base image's tag is given another image for one of the platforms")
def _(shop: Shop) -> None:
    from windlass.oci.manifest import OCI_INDEX, canonical, to_document

    old, new = (
        shop.client.get_manifest(f"{shop.prefix}/base", tag).content
        for tag in ("1", shop.base("2", "second").rpartition(":")[2])
    )
    mixed = [to_document(entry) for entry in (old.manifests[0], new.manifests[1])]  # type: ignore[union-attr]
    body = canonical({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": mixed})
    shop.client.put_manifest(f"{shop.prefix}/base", "1", body, OCI_INDEX)


@happening("a service below is built anew with newer packages, and this one's build fails then")
def _(shop: Shop) -> None:
    shop.publish(rebuild=["lib"], packages="newer", failing=["app"])


@happening("a service below is built anew with newer packages, and this one with it")
def _(shop: Shop) -> None:
    shop.publish(rebuild=["lib"], packages="newer")


@happening("a service below is built anew and gives the same image")
def _(shop: Shop) -> None:
    shop.publish(rebuild=["lib"], failing=["app"])


@happening("the image of a service below is deleted")
def _(shop: Shop) -> None:
    digest = next(item.digest for item in shop.plan().services if item.service.name == "lib")
    assert shop.client.delete_manifest(shop.project.registry.repository("lib"), digest or "")


@happening("a base image gets another tag")
def _(shop: Shop) -> None:
    shop.base("stable", "first")


def test_a_memory_that_is_empty_knows_nothing(shop: Shop) -> None:
    assert RegistryMemory(shop.client, shop.prefix).recall([("app", "sha256:" + "0" * 64)]) == {}


def test_this_machines_git_configuration_does_not_reach_an_image(shop: Shop) -> None:
    shop.commit({"app/keyword.c": "$Id$\n"})
    plain, odd = shop.clone("plain"), shop.clone("odd")
    attributes = shop.origin.parent / "attributes"
    attributes.write_text("*.txt eol=crlf\n*.c ident\n")
    for name, value in (
        ("core.eol", "crlf"),
        ("core.autocrlf", "true"),
        ("core.attributesFile", str(attributes)),
        ("core.symlinks", "false"),
        ("core.fileMode", "false"),
    ):
        shop.git("config", name, value, at=odd)
    (odd / ".gitattributes").write_text("* eol=crlf\n")  # not committed

    written = []
    for checkout in (plain, odd):
        folder = shop.origin.parent / f"{checkout.name}-files"
        repository = Repository(checkout)
        repository.materialise(repository.snapshot("HEAD").tree, folder)
        written.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})

    assert written[0] == written[1]
