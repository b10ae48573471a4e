from __future__ import annotations

from typing import Any

from doc_converter.convert import READERS, WRITERS, convert
from service_kit import App, Problem, Request


def make_app() -> App:
    app = App("doc-converter")
    app.ready_check("a known document converts", lambda: convert("# A *b*", "markdown", "html") == KNOWN)

    @app.get("/v1/formats")
    def formats(_: Request) -> dict[str, Any]:
        return {"from": sorted(READERS), "to": sorted(WRITERS)}

    @app.post("/v1/convert")
    def convert_document(request: Request) -> dict[str, Any]:
        text, source, target = request.field("text", str), request.field("from", str), request.field("to", str)
        for name, known in ((source, READERS), (target, WRITERS)):
            if name not in known:
                raise Problem(422, f"'{name}' is not a format; there are {', '.join(sorted(known))}")
        return {"format": target, "text": convert(text, source, target)}

    return app


KNOWN = "<h1>A <em>b</em></h1>\n"
