"""Ignore patterns, held to the cases of moby/patternmatcher's own test table."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.plan.ignore import IgnoreRules, read_patterns
from windlass.plan.patterns import BadPattern, matches

IGNORED = [
    ("**", "file"), ("**/", "file"), ("**", "dir/file"), ("**/", "dir/file"), ("**/**", "dir/file"), ("dir/**", "dir/file"),
    ("dir/**", "dir/dir2/file"), ("**/dir", "dir"), ("**/dir", "dir/file"), ("**/dir2/*", "dir/dir2/file"),
    ("**/dir2/**", "dir/dir2/dir3/file"), ("**file", "file"), ("**file", "dir/file"), ("**/file", "dir/file"),
    ("**file", "dir/dir/file"), ("**/file", "dir/dir/file"), ("**/file*", "dir/dir/file"), ("**/file*", "dir/dir/file.txt"),
    ("**/file*txt", "dir/dir/file.txt"), ("**/file*.txt", "dir/dir/file.txt"), ("**/file*.txt*", "dir/dir/file.txt"),
    ("**/**/*.txt", "dir/dir/file.txt"), ("**/*.txt", "file.txt"), ("**/**/*.txt", "file.txt"), ("a**/*.txt", "a/file.txt"),
    ("a**/*.txt", "a/dir/file.txt"), ("a**/*.txt", "a/dir/dir/file.txt"), ("a/*.txt", "a/file.txt"), ("a/*.txt**", "a/file.txt"),
    ("a[b-d]e", "ace"), ("a[^b-d]e", "aze"), (".*", ".foo"), ("abc.def", "abc.def"), ("abc?def", "abcZdef"), ("a\\\\", "a\\"),
    ("**/foo/bar", "foo/bar"), ("**/foo/bar", "dir/foo/bar"), ("**/foo/bar", "dir/dir2/foo/bar"), ("abc/**", "abc/def"),
    ("abc/**", "abc/def/ghi"), ("**/.foo", ".foo"), ("a(b)c/def", "a(b)c/def"), ("a.|)$(}+{bc", "a.|)$(}+{bc"),
    ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl"), ("a\\*b", "a*b"), ("*", "abc"), ("*c", "abc"),
    ("a*", "ab/c"), ("a*/b", "abc/b"), ("a*b*c*d*e*/f", "axbxcxdxexxx/f"), ("a*b?c*x", "abxbbxdbxebxczzx"), ("ab[^e-g]", "abc"),
    ("a?b", "a\u263ab"), ("a[^a]b", "a\u263ab"), ("[a-\u03b6]*", "\u03b1"), ("[\\]a]", "]"), ("[\\-]", "-"), ("[x\\-]", "x"),
    ("[x\\-]", "-"), ("[\\-x]", "x"), ("*x", "xxx"), ("docs/", "docs/README.md"), ("/docs", "docs/x"), ("**/.git", "a/.git/config"),
    ("[^a]x", "bx"), ("./docs", "docs"), ("a/../docs", "docs"),
]  # fmt: skip
KEPT = [
    ("**/**/*.txt2", "dir/dir/file.txt"), ("a/*.txt", "a/dir/file.txt"), ("a[b-d]e", "ae"), ("a[b-d]e", "aae"), (".*", "foo"),
    ("abc.def", "abcdef"), ("abc.def", "abcZdef"), ("abc?def", "abcdef"), ("abc/**", "abc"), ("**/.foo", "bar.foo"),
    ("a(b)c/def", "a(b)c/xyz"), ("a*/b", "a/c/b"), ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f"), ("a*b*c*d*e*/f", "axbxcxdxexxx/fff"),
    ("a*b?c*x", "abxbbxdbxebxczzy"), ("ab[e-g]", "abc"), ("ab[^c]", "abc"), ("ab[^b-d]", "abc"), ("a\\*b", "ab"),
    ("a???b", "a\u263ab"), ("a[^a][^a][^a]b", "a\u263ab"), ("*[a-\u03b6]", "A"), ("a?b", "a/b"), ("a*b", "a/b"), ("[x\\-]", "z"),
    ("[\\-x]", "a"), ("data", "data2/x"),
]  # fmt: skip
MALFORMED = ["!", "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]"]
SEVERAL = [
    (["**", "!util/docker/web"], "util/docker/web/foo", False),
    (["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", True),
    (["**", "!dist/*.whl"], "dist/a.whl", False),
    (["docs", "!docs/README.md"], "docs/README.md", False),
    (["docs/*", "!docs/README.md"], "docs/README.md", False),
    (["docs/*", "!docs/README.md"], "docs/other.md", True),
    (["!x.go", "*.go"], "x.go", True),
    (["*.go", "!x.go"], "x.go", False),
    (["a", "!a/b/c", "a/b"], "a/b/c", False),
    (["docs/sub", "!docs"], "docs/sub/x", True),
    (["*", "!src", "src/**/*.pyc"], "src/a/b.pyc", True),
    (["*", "!src", "src/**/*.pyc"], "src/a/b.py", False),
]


@pytest.mark.parametrize(("pattern", "path"), IGNORED)
def test_ignores(pattern: str, path: str) -> None:
    assert IgnoreRules(read_patterns(pattern)).ignores(path)


@pytest.mark.parametrize(("pattern", "path"), KEPT)
def test_keeps(pattern: str, path: str) -> None:
    assert not IgnoreRules([pattern]).ignores(path)


@pytest.mark.parametrize("pattern", MALFORMED)
def test_refuses_a_malformed_pattern(pattern: str) -> None:
    with pytest.raises(BadPattern):
        IgnoreRules([pattern])


@pytest.mark.parametrize(("patterns", "path", "ignored"), SEVERAL)
def test_the_last_pattern_that_matches_wins(patterns: list[str], path: str, ignored: bool) -> None:
    assert IgnoreRules(patterns).ignores(path) == ignored


def test_an_ignore_file_is_cleaned_as_it_is_read() -> None:
    text = "\ufeff# first\r\n\n  spaced  \n/root\n!  /kept/\n#not\n a//b/./c/../d \n!\n"

    assert read_patterns(text) == ["spaced", "root", "!kept", "a/b/d", "!"]


_NAME = st.text("ab.", min_size=1, max_size=2).filter(lambda name: name not in (".", ".."))
_PATH = st.lists(_NAME, min_size=1, max_size=4).map("/".join)
_PATTERN = st.lists(
    st.sampled_from(["a", "b", "*", "**", "?", "a*", "[ab]", "[^a]", ".", "**b"]), min_size=1, max_size=4
).map("/".join)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.booleans(), _PATTERN), max_size=5), _PATH)
def test_without_exceptions_a_folders_verdict_holds_below_it(patterns: list[tuple[bool, str]], path: str) -> None:
    rules = IgnoreRules([pattern for _, pattern in patterns])

    if rules.ignores(path):
        assert rules.ignores(f"{path}/below")


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.booleans(), _PATTERN), max_size=5), _PATH, _PATH)
def test_verdicts_do_not_hang_on_the_order_of_questions(
    patterns: list[tuple[bool, str]], first: str, second: str
) -> None:
    written = [("!" if exception else "") + pattern for exception, pattern in patterns]
    fresh, used = IgnoreRules(written), IgnoreRules(written)
    used.ignores(first)

    assert used.ignores(second) == fresh.ignores(second)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(_PATTERN.filter(lambda pattern: "**" not in pattern), _PATH)
def test_patterns_without_double_stars_are_plain_matches(pattern: str, path: str) -> None:
    parents = ["/".join(path.split("/")[:n]) for n in range(1, path.count("/") + 2)]
    cleaned = read_patterns(pattern)[0]

    assert IgnoreRules([cleaned]).ignores(path) == any(matches(cleaned, parent) for parent in parents)
