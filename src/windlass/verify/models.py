"""What may stand in an API suite, as models. Only the shape is judged here."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from windlass.config.duration import parse_duration
from windlass.verify import jsonpath

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2: token


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("expected a duration such as 10s, 2m or 1h30m")


def _port(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError("expected a port from 1 to 65535")
    return value


def _status(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
        raise ValueError("expected an HTTP status from 100 to 599")
    return value


def _path(value: Any) -> Any:
    if isinstance(value, str) and (not value.startswith("/") or re.search(r"[\s\x00-\x1f]", value)):
        raise ValueError("expected a path that starts with '/' and holds no spaces")
    return value


def _headers(value: Any) -> Any:
    if isinstance(value, dict):
        for name, text in value.items():
            if not _HEADER.fullmatch(str(name)) or not isinstance(text, str) or re.search(r"[\r\n\x00]", text):
                raise ValueError("expected header names with text of one line; put numbers in quotes")
    return value


def _assertions(value: Any) -> Any:
    if isinstance(value, dict):
        for path in value:
            jsonpath.parse(str(path))
    return value


def _texts(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _sendable(value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ValueError("expected a value that JSON can hold") from error
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class ExpectSection(_Section):
    status: Annotated[int | None, BeforeValidator(_status)] = Field(None, examples=[200])
    json_: Annotated[dict[str, Any], BeforeValidator(_assertions)] = Field(
        default_factory=dict, alias="json", examples=[{"workers[0].name": "converter"}]
    )
    contains: Annotated[list[str], BeforeValidator(_texts)] = Field(default_factory=list, examples=["text"])
    headers: Annotated[dict[str, str], BeforeValidator(_headers)] = Field(
        default_factory=dict, examples=[{"Content-Type": "application/json"}]
    )


def _anything() -> ExpectSection:
    return ExpectSection.model_validate({})


class CaseSection(_Section):
    name: str = Field(min_length=1, examples=["workers need a token"])
    service: str = Field(min_length=1, examples=["platform"])
    port: Annotated[int | None, BeforeValidator(_port)] = Field(None, examples=[8443])
    scheme: Literal["http", "https"] = Field("http", examples=["https"])
    insecure: bool = Field(False, examples=[True])
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = Field("GET", examples=["POST"])
    path: Annotated[str, BeforeValidator(_path)] = Field("/", examples=["/v1/workers"])
    headers: Annotated[dict[str, str], BeforeValidator(_headers)] = Field(
        default_factory=dict, examples=[{"Accept": "application/json"}]
    )
    json_: Annotated[Any, BeforeValidator(_sendable)] = Field(None, alias="json", examples=[{"name": "value"}])
    body: str | None = Field(None, examples=["text"])
    expect: ExpectSection = Field(default_factory=_anything, examples=[{"status": 200}])
    deadline: Annotated[float | None, BeforeValidator(_duration)] = Field(None, examples=["10s"])
    after_switch: bool = Field(False, examples=[True])


class SuiteFile(_Section):
    cases: list[CaseSection] = Field(min_length=1, examples=[[{"name": "it answers", "service": "web"}]])
