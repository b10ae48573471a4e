"""The registry as the memory of what is built and tested (the driver of `plan.interface.Memory`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from windlass.model.plan import Input
from windlass.oci import records
from windlass.oci.client import RegistryClient
from windlass.oci.faults import Malformed, NotFound
from windlass.oci.integrity import damage
from windlass.oci.manifest import EMPTY, OCI_EMPTY, OCI_MANIFEST, Manifest
from windlass.oci.push import gather
from windlass.plan.interface import Remembered

_PARALLEL = 8


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class RegistryMemory:
    """Fingerprint records in `windlass/fingerprints`, test records in `windlass/tests`, below the registry's prefix.

    Repositories are named as the client names them: without the host, with the prefix (`RegistrySpec.repository`).

    Args:
        prefix: the registry's prefix, or empty.
        now: the time of a record, ISO 8601 UTC with microseconds.
    """

    def __init__(self, client: RegistryClient, prefix: str = "", *, now: Callable[[], str] = _now) -> None:
        self._client = client
        self._records = f"{prefix}/{records.FINGERPRINTS}" if prefix else records.FINGERPRINTS
        self._tests = f"{prefix}/{records.TESTS}" if prefix else records.TESTS
        self._now = now
        self._listing: Future[list[str]] | None = None
        self._known: dict[str, list[Remembered]] | None = None

    def prepare(self) -> None:
        """Ask for the list that `recall` will need; it comes in the background."""
        if self._listing is None:
            future: Future[list[str]] = Future()
            self._listing = future

            def ask() -> None:
                try:
                    future.set_result(self._tags(self._records))
                except BaseException as error:  # raised again where the list is looked into
                    future.set_exception(error)

            threading.Thread(target=ask, daemon=True, name="windlass-recall").start()

    def recall(self, wanted: Sequence[tuple[str, str]], *, again: bool = False) -> dict[str, Remembered | str]:
        """One paged tag list for all, then one GET per image and one HEAD per platform, in parallel (see `integrity.damage`).
        A registry of Windlass's own answers for all images in one go, down to their layers, so that what a scrub moved aside
        is built again; only those that are not whole are looked at closely.

        Where several images are recorded for a fingerprint, the newest record whose image is whole wins; of records of
        the same time, the one whose digest sorts first.
        """
        if not wanted:
            return {}
        if not again or self._known is None:
            listing, self._listing = self._listing, None
            self._known = records.index_tags(listing.result() if listing is not None else self._tags(self._records))
        known = self._known
        asked = [
            (repository, fingerprint, known[key])
            for repository, fingerprint in dict.fromkeys(wanted)
            if (key := records.hexed(fingerprint)[:48]) in known
        ]
        if not asked:
            return {}
        found: dict[str, Remembered | str] = {}
        open_ = []
        whole = self._client.whole([(repository, candidates[0].digest) for repository, _, candidates in asked])
        for one, proven in zip(asked, whole, strict=True):
            if proven:
                found[one[1]] = one[2][0]
            else:
                open_.append(one)
        if open_:
            with ThreadPoolExecutor(min(_PARALLEL, len(open_)), thread_name_prefix="windlass-recall") as pool:
                answers = gather(pool, lambda one: self._proven(one[0], one[2]), open_)
            for (_, fingerprint, _), answer in zip(open_, answers, strict=True):
                if not isinstance(found.get(fingerprint), Remembered):
                    found[fingerprint] = answer
        return found

    def remember(
        self, repository: str, fingerprint: str, digest: str, inputs: Sequence[Input], branch: str | None
    ) -> None:
        body = records.to_inputs(inputs)
        created = self._now()
        annotations = {
            records.REPOSITORY: repository,
            records.FINGERPRINT: fingerprint,
            records.DIGEST: digest,
            records.CREATED: created,
            **({records.BRANCH: branch} if branch is not None else {}),
        }
        layer = self._client.upload_bytes(self._records, body, records.FINGERPRINT_TYPE)
        self._empty(self._records)
        manifest = records.artifact(records.FINGERPRINT_TYPE, layer, annotations)
        # The record itself comes last: whoever finds it may also ask `why`.
        tags = [records.last_tag(repository, None), records.record_tag(fingerprint, digest, created)]
        if branch is not None:
            tags.insert(0, records.last_tag(repository, branch))
        for tag in tags:
            self._client.put_manifest(self._records, tag, manifest, OCI_MANIFEST)

    def tests_passed(self, fingerprints: Sequence[str]) -> frozenset[str]:
        if not fingerprints:
            return frozenset()
        passed = frozenset(self._tags(self._tests))
        return frozenset(one for one in fingerprints if records.hexed(one) in passed)

    def remember_tests(self, fingerprint: str) -> None:
        tag = records.hexed(fingerprint)
        self._empty(self._tests)
        annotations = {records.FINGERPRINT: fingerprint, records.CREATED: self._now()}
        manifest = records.artifact(records.TEST_TYPE, records.EMPTY_BLOB, annotations)
        self._client.put_manifest(self._tests, tag, manifest, OCI_MANIFEST)

    def last_inputs(self, repository: str, branch: str | None) -> tuple[Input, ...] | None:
        places = [records.last_tag(repository, branch)] if branch is not None else []
        for tag in [*places, records.last_tag(repository, None)]:
            try:
                content = self._client.get_manifest(self._records, tag).content
                if isinstance(content, Manifest) and content.layers:
                    layer = content.layers[0]
                    body = self._client.read_blob(self._records, layer.digest, records.INPUTS_LIMIT)
                    if (inputs := records.parse_inputs(body)) is not None:
                        return inputs
            except (NotFound, Malformed):
                continue  # explaining is a courtesy: a damaged record explains nothing and stops nobody
        return None

    def _proven(self, repository: str, candidates: Sequence[Remembered]) -> Remembered | str:
        reason = ""
        for candidate in candidates:
            problem = damage(self._client, repository, candidate.digest)
            if problem is None and self._client.is_whole(repository, candidate.digest) is False:
                problem = "its image in the registry has lost a layer"
            if problem is None:
                return candidate
            reason = reason or problem
        return reason

    def _tags(self, repository: str) -> list[str]:
        try:
            return list(self._client.tags(repository))
        except NotFound:
            return []  # nothing has been published yet

    def _empty(self, repository: str) -> None:
        self._client.upload_bytes(repository, EMPTY, OCI_EMPTY)
