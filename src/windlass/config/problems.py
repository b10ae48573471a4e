"""What pydantic found wrong, as one line for a person: `FILE:LINE: path: expected …, found …; write …`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

from windlass.config.yaml import Document, Keys, one_line
from windlass.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound="BaseModel")
_SIMPLE: Mapping[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def validate(model: type[M], value: Any, document: Document, base: Keys = ()) -> M:
    """Check a value that stands at `base` in a document against a model.

    Raises:
        ConfigError: the first thing that is wrong, by line, and how many more there are.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _explain(error, model, document, base) from None


def _explain(error: ValidationError, model: type[BaseModel], document: Document, base: Keys) -> ConfigError:
    found = [_problem(details, model, document, base) for details in error.errors(include_url=False)]
    found.sort(key=lambda problem: document.line(problem[0]))
    keys, message = found[0]
    more = len(found) - 1
    if more:
        message += f" (and {more} more problem{'s' if more > 1 else ''} in this file)"
    return ConfigError(message, where=document.where(keys))


def _problem(details: ErrorDetails, model: type[BaseModel], document: Document, base: Keys) -> tuple[Keys, str]:
    within = _as_written(tuple(key for key in details["loc"] if key != "[key]"), base, document)
    place = _locate(model, within)
    kind = details["type"]
    if kind == "extra_forbidden":
        return (*base, *within), suggestion(str(within[-1]), list(place.holder.model_fields), "unknown key")
    if (*base, *within[:-1]) in document.raw:
        # A short form: `registry: HOST` stands for `registry: {host: HOST}`, whose example it can take.
        within = within[:-1]
        place = replace(place, within=within, at=len(within) - 1)
    keys: Keys = (*base, *within)
    if kind == "missing":
        return keys, f"missing{_write(place)}"
    expected = _expected(details, place.info, within)
    if "secrets" in within and isinstance(within[-1], int):
        found = "something else"  # it may be the secret itself
    else:
        found = _found(details["input"], keys, document)
    return keys, f"expected {expected}, found {found}{_remedy(details, expected, place, document.raw.get(keys))}"


def _as_written(within: Keys, base: Keys, document: Document) -> Keys:
    """Keys of a mapping are text in the document, also where the model made numbers of them."""
    for at, key in enumerate(within):
        if isinstance(key, int) and (*base, *within[:at], str(key)) in document.lines:
            within = (*within[:at], str(key), *within[at + 1 :])
    return within


def suggestion(given: str, known: list[str], what: str) -> str:
    """`unknown key 'tag'; did you mean 'tags'?`, or all that is known when nothing is near."""
    near = get_close_matches(given, known, n=1, cutoff=0.6)
    if near:
        return f"{what}; did you mean '{near[0]}'?"
    return f"{what}; known: {', '.join(known)}"


def _expected(details: ErrorDetails, info: FieldInfo | None, within: Keys) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"]).removeprefix("expected ")
    if kind in ("literal_error", "enum"):
        return "one of " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than") and info is not None:
        bounds = {type(m).__name__: m for m in info.metadata}
        return f"a number from {getattr(bounds.get('Ge'), 'ge', 0)} to {getattr(bounds.get('Le'), 'le', '…')}"
    if kind == "too_short":
        return "at least one entry"
    if kind == "string_too_short":
        return "text"
    if kind == "string_pattern_mismatch":
        return "text that starts with '/'" if context.get("pattern") == "^/" else f"text like {context.get('pattern')}"
    if kind in ("string_type", "string_sub_type"):
        return "text"
    if kind.startswith("bool"):
        return "true or false"
    if kind.startswith("int"):
        return "a whole number"
    if kind in ("list_type", "dict_type") and info is not None and within and isinstance(within[-1], str):
        return _phrase(info.annotation)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "a mapping"
    return "a list" if kind == "list_type" else str(details["msg"]).lower()


def _phrase(annotation: Any) -> str:
    """An annotation in words: `list[str]` is "a list of text"."""
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _phrase(next(arg for arg in args if arg is not NoneType))
    if origin is list:
        inner = _phrase(args[0])
        return f"a list of {'mappings' if inner == 'a mapping' else inner}"
    if origin is dict or origin is None:
        return "a mapping"
    if origin is Literal:
        return "one of " + ", ".join(str(arg) for arg in args)
    return _phrase(args[0]) if args else "a value"


def _found(value: Any, keys: Keys, document: Document) -> str:
    raw = document.raw.get(keys)
    if raw is not None:
        raw = re.sub(r"//[^/@\s]+@", "//…@", raw)  # a password in a URL
        flat = " ".join(raw.split())
        if value is None:
            return "nothing"
        if not flat or (isinstance(value, str) and flat != raw):
            return json.dumps(raw if len(raw) <= 60 else raw[:59] + "…", ensure_ascii=False)
        return one_line(flat, 60)
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "nothing" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the file: the field that it belongs to (standing at `within[at]`), and the model that holds it."""

    within: Keys
    info: FieldInfo | None
    at: int
    holder: type[BaseModel]


def _locate(model: type[BaseModel], within: Keys) -> _Place:
    info: FieldInfo | None = None
    at = 0
    current: type[BaseModel] | None = model  # the model whose keys come next, if any
    entries: type[BaseModel] | None = None  # the model of the entries of the list or mapping that comes next, if any
    holder = model
    for index, key in enumerate(within):
        if current is None:
            current, entries = entries, None
            holder = current or holder
        elif isinstance(key, str) and key in current.model_fields:
            holder, info, at = current, current.model_fields[key], index
            inner = _model_in(info.annotation)
            current, entries = (None, inner) if _is_collection(info.annotation) else (inner, None)
            holder = current or holder
        else:
            holder = current
    return _Place(within, info, at, holder)


def _is_collection(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_is_collection(arg) for arg in get_args(annotation))
    return origin in (list, dict)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    from pydantic import BaseModel

    if isinstance(annotation, type) and not get_origin(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for arg in get_args(annotation) if (model := _model_in(arg)) is not None), None)


def _remedy(details: ErrorDetails, expected: str, place: _Place, raw: str | None) -> str:
    """What to write: the user's own value in the right form where that is likely to be meant, otherwise the example."""
    name, value = place.within[-1], details["input"]
    if details["type"] == "string_type" and raw and len(raw) <= 40 and isinstance(value, bool | int | float):
        quoted = json.dumps(raw, ensure_ascii=False)
        return f"; write {quoted}" if isinstance(name, int) else f"; write {name}: {quoted}"
    if expected == "a list of text" and isinstance(value, str) and raw and len(raw) <= 60:
        return f"; write {name}: {flow([value])}"
    return _write(place, bad_key="[key]" in details["loc"])


def _write(place: _Place, *, bad_key: bool = False) -> str:
    info, at = place.info, place.at
    if info is None or not info.examples:
        return ""
    example = info.examples[0]
    rest = place.within[at + 1 :]
    if rest and get_origin(info.annotation) is dict and _model_in(info.annotation) is not None:
        (entry, example), *_ = example.items()
        return f"; write {entry if bad_key else rest[0]}: {flow(example)}"
    return f"; write {place.within[at]}: {flow(example)}"


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _plain(value) else json.dumps(value, ensure_ascii=False)
    return str(value)


def _plain(text: str) -> bool:
    first = text[:1]
    return (
        bool(text)
        and (first.isalpha() or first in "./_" or (first.isdigit() and text[-1:].isalpha()))
        and not any(mark in text for mark in (": ", " #", "{", "}", "[", "]", ",", '"', "'"))
        and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null")
        and text == text.strip()
    )
