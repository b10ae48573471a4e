"""What of Windlass's own repositories stays: fingerprint records, records of passed tests, layer caches. Pure.

None of these is needed by anything that runs: without a record an image is built once more, without a test record its
tests run once more, without a cache a build takes longer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from windlass.model.retention import RetentionPolicy
from windlass.oci import records
from windlass.registry.retention.ages import SETTLED, Clock, created
from windlass.registry.retention.graph import Graph, newest
from windlass.registry.retention.images import Verdicts, days
from windlass.registry.retention.reason import Reason
from windlass.registry.retention.scope import Scope


def judge_fingerprints(
    graph: Graph,
    kept: Mapping[str, Collection[str]],
    going: Mapping[str, Collection[str]],
    scope: Scope,
    clock: Clock,
    found: Verdicts,
) -> None:
    """A record goes with its image. `kept` and `going` hold the digests that stay and go in each image repository."""
    for digest, record in graph.manifests.items():
        repository, image = record.annotation(records.REPOSITORY), record.annotation(records.DIGEST)
        if not repository or not image:
            found.seed(digest, Reason("foreign", "it does not say which image it is of"))
        elif repository not in scope.images:
            found.seed(digest, Reason("foreign", f"of {repository}, which is not of this project"))
        elif image in kept.get(repository, ()):
            found.seed(digest, Reason("record", f"of an image of {repository} that stays"))
        elif (moment := created(record)) is None:
            found.seed(digest, Reason("undated", "nothing tells how old it is"))
        elif clock.age(moment) < SETTLED and image not in going.get(repository, ()):
            found.seed(digest, Reason("pending", "its image may be on the way to the registry"))
        else:
            found.lapsed[digest] = Reason("unused", f"its image of {repository} is gone or goes")


def judge_tests(graph: Graph, policy: RetentionPolicy, clock: Clock, found: Verdicts) -> None:
    for digest, record in graph.manifests.items():
        moment = created(record)
        if moment is None:
            found.seed(digest, Reason("undated", "nothing tells how old it is"))
        elif clock.age(moment) <= policy.tests:
            found.seed(digest, Reason("recent", f"these tests passed within {days(policy.tests)}"))
        else:
            found.lapsed[digest] = Reason("expired", f"these tests passed more than {days(policy.tests)} ago")


def judge_cache(graph: Graph, policy: RetentionPolicy, scope: Scope, clock: Clock, found: Verdicts) -> None:
    for digest in graph.manifests:
        tags = graph.tags.get(digest)
        if not tags:
            continue  # replaced by a newer one: goes unless it was pushed just now
        if any(tag.name not in scope.cache_tags for tag in tags):
            found.seed(digest, Reason("foreign", "a layer cache of another project"))
            continue
        moment = newest(tags).pushed
        if moment is None:
            found.seed(digest, Reason("undated", "nothing tells how old it is"))
        elif clock.age(moment) <= policy.cache:
            found.seed(digest, Reason("recent", f"a layer cache written within {days(policy.cache)}"))
        else:
            found.lapsed[digest] = Reason("expired", f"a layer cache not written for {days(policy.cache)}")
