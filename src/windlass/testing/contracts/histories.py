"""Cases of change detection that are about git's history, the machine, and the registry rather than an edit.

A service is built and published; then something happens to the repository or the registry that must, or must not, have
it built again. The integration tests do each with real git and a real registry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class History:
    """`rebuilds` is what Windlass has to decide; `needless` the reason where it builds although the image stays the same."""

    name: str
    rebuilds: bool
    needless: str = ""


GIT = (
    History("a shallow clone of one commit", False),
    History("a detached HEAD", False),
    History("a new machine with an empty home", False),
    History("a second work tree of the same repository", False),
    History("a sparse checkout without this service's files", False),
    History("a clone that writes files with Windows line ends", False),
    History("a merge commit that brings nothing for this service", False),
    History("a merge commit that brings a change of this service", True),
    History("a merge commit of what was built on its branch", False),
    History("a squash of commits that were built one by one", False),
    History("a rebase that gives every commit another id", False),
    History("a force-push back to an earlier commit", False),
    History("a force-push that rewrites history and keeps the files", False),
    History("a history that begins anew with the same files", False),
    History("a change that is taken back", False),
    History("a cherry-pick onto another branch", False),
    History("a branch that is behind the one it came from", False),
    History("a commit without changes", False),
    History("a commit of other files after a run that failed", True),
    History("the same commit again after a run that failed", True),
    History("an edit that is not committed", True),
    History("an edit that is not committed and taken back", False),
    History("an untracked file in a copied folder", True),
    History("an untracked file that git ignores", False),
    History("files written again with new times", False),
    History("files with another umask", False),
    History("a submodule outside of what is copied moves", False),
    History("a submodule in a copied folder moves", True, "a submodule is counted by its commit, and its files are not part of the build"),
    History("a submodule that is not checked out", False),
    History("an LFS file in a clone without LFS", False),
    History("an LFS file that points to other content", True),
    History("this service's files change and another branch has built them", False),
)  # fmt: skip

REGISTRY = (
    History("the image is deleted", True),
    History("the image lost a platform", True),
    History("the fingerprint is known for one platform only", True),
    History("the record of the fingerprint is deleted", True),
    History("all tags of the image are deleted, and its digest is there", False),
    History("a tag that is no record stands among the records", False),
    History("another machine has published the same", False),
    History("the image gets another name", True),
    History("a base image's tag is given more platforms, the same image on ours", False),
    History("a base image's tag is given another image", True),
    History("a base image's tag is given another image for one of the platforms", True),
    History("a base image gets another tag", False),
    History("a service below is built anew with newer packages, and this one's build fails then", True),
    History("a service below is built anew with newer packages, and this one with it", False),
    History("a service below is built anew and gives the same image", False),
    History("the image of a service below is deleted", True),
)  # fmt: skip

HISTORIES = (*GIT, *REGISTRY)
