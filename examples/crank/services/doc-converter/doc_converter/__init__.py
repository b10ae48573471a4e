"""Documents from one format to another: Markdown, HTML, plain text, CSV."""
