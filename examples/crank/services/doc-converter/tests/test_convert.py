import unittest

from doc_converter.convert import READERS, WRITERS, convert

DOCUMENT = """\
# Crank

Turns **jobs** into *results*, see [the site](https://example.org/a).

- one
- two

1. first
2. second

> said

```python
a < b
```

| name | port |
| --- | --- |
| platform | 8443 |

---
"""


class ConvertTest(unittest.TestCase):
    def test_markdown_becomes_html(self) -> None:
        html = convert(DOCUMENT, "markdown", "html")
        for expected in (
            "<h1>Crank</h1>",
            '<p>Turns <strong>jobs</strong> into <em>results</em>, see <a href="https://example.org/a">the site</a>.</p>',
            "<ul><li>one</li><li>two</li></ul>",
            "<ol><li>first</li><li>second</li></ol>",
            "<blockquote>said</blockquote>",
            '<pre><code class="language-python">a &lt; b</code></pre>',
            "<tr><td>platform</td><td>8443</td></tr>",
            "<hr>",
        ):
            self.assertIn(expected, html)

    def test_markdown_survives_the_way_through_html(self) -> None:
        there = convert(DOCUMENT.replace("```python", "```"), "markdown", "html")
        self.assertEqual(DOCUMENT.replace("```python", "```"), convert(there, "html", "markdown"))

    def test_a_script_cannot_pass(self) -> None:
        self.assertNotIn("<script>", convert("<script>alert(1)</script>", "markdown", "html"))
        self.assertNotIn("alert", convert("<p>a</p><script>alert(1)</script>", "html", "markdown"))
        self.assertNotIn("href", convert("[a](javascript:alert(1))", "markdown", "html"))

    def test_csv_becomes_a_table_and_comes_back(self) -> None:
        text = 'name,note\nplatform,"a, b"\ndoc,x | y\n'
        self.assertEqual("| name | note |\n| --- | --- |\n| platform | a, b |\n| doc | x \\| y |\n",
                         convert(text, "csv", "markdown"))
        self.assertEqual(text, convert(convert(text, "csv", "markdown"), "markdown", "csv"))

    def test_a_short_csv_row_is_filled_up(self) -> None:
        self.assertEqual("a,b\n1,\n", convert("a,b\n1\n", "csv", "csv"))

    def test_text_has_underlined_headings_and_columns(self) -> None:
        text = convert(DOCUMENT, "markdown", "text")
        self.assertTrue(text.startswith("Crank\n=====\n\nTurns jobs into results, see the site"), text)
        self.assertIn("name      port\n--------  ----\nplatform  8443", text)

    def test_html_with_end_tags_left_out_is_still_read(self) -> None:
        self.assertEqual("- a\n- b\n", convert("<ul><li>a<li>b</ul>", "html", "markdown"))

    def test_nothing_becomes_nothing_in_every_direction(self) -> None:
        for source in READERS:
            for target in WRITERS:
                self.assertEqual("", convert("", source, target), (source, target))
