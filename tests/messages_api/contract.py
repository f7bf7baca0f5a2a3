"""The contract of the Messages API, as the official SDK's own types state it, for tests/messages_api.

What a client sent is compared with the SDK's TypedDicts (`check_create`, `check_count`, `check_batch` return the
violations), and what the server answers is built through the SDK's response classes (`built`).
"""

from __future__ import annotations

import hashlib
import json
import re
import types
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from anthropic.types import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from anthropic.types.messages.batch_create_params import BatchCreateParams
from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import is_typeddict

M = TypeVar("M", bound=BaseModel)

SENT_AS_HEADERS = ("user_profile_id", "workspace_id")
"""Arguments of the SDK's methods that its TypedDicts hold, and that never belong to a body."""
NOT_IN_SCHEMAS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
)
CACHE_MARKS = 4
CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_create(body: object, at: str = "") -> list[str]:
    """What the API refuses about the body of a create, or about the params of a batch's request."""
    problems = _check(body, MessageCreateParamsNonStreaming, at)
    if problems or not isinstance(body, dict):
        return problems
    if body["max_tokens"] < 1:
        problems.append(f"{at}max_tokens: must be at least 1")
    if body["messages"] and body["messages"][-1]["role"] == "assistant":
        problems.append(f"{at}messages: this model does not support assistant message prefill")
    return problems + _check_content(body, at)


def check_count(body: object) -> list[str]:
    problems = _check(body, MessageCountTokensParams, "")
    return problems or _check_content(body, "") if isinstance(body, dict) else problems


def check_batch(body: object) -> list[str]:
    problems = _check(body, BatchCreateParams, "")
    if problems or not isinstance(body, dict):
        return problems
    if not body["requests"]:
        problems.append("requests: must not be empty")
    seen: set[str] = set()
    for place, request in enumerate(body["requests"]):
        name = request["custom_id"]
        if not CUSTOM_ID.fullmatch(name):
            problems.append(
                f"requests.{place}.custom_id: {name!r} does not match ^[a-zA-Z0-9_-]{{1,64}}$"
            )
        if name in seen:
            problems.append(f"requests.{place}.custom_id: {name!r} is there twice")
        seen.add(name)
        problems += check_create(request["params"], f"requests.{place}.params.")
    return problems


def built(kind: type[M], **fields: Any) -> dict[str, Any]:
    """The fields as JSON, through the SDK's class for them; ValueError where the class does not know one."""
    model = kind.model_validate(fields)
    if extra := list(_extra(model, kind.__name__)):
        raise ValueError(f"not in the SDK's type: {', '.join(extra)}")
    return model.model_dump(mode="json", exclude_unset=True)


def request_key(body: dict[str, Any]) -> str:
    """Names what a request asks: SHA-256 of its canonical JSON without cache_control."""
    text = json.dumps(
        _without_marks(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def text_tokens(text: str) -> int:
    return len(text.encode()) // 4 + 1


def blocks(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """System and message blocks in the API's order, with whose they are; a plain string is one text block."""
    parts = [
        ("system", body.get("system", [])),
        *((m["role"], m["content"]) for m in body["messages"]),
    ]
    for role, content in parts:
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            yield role, block


def answer_for(schema: dict[str, Any] | None) -> Any:
    """A value that fits a JSON schema: an enum's first value, 80 for numbers."""
    if not schema:
        return "ok"
    if "enum" in schema or "const" in schema:
        return schema["enum"][0] if "enum" in schema else schema["const"]
    if "anyOf" in schema:
        return answer_for(schema["anyOf"][0])
    if "properties" in schema:
        return {name: answer_for(part) for name, part in schema["properties"].items()}
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [answer_for(schema.get("items"))]
    return {"integer": 80, "number": 80, "boolean": True, "null": None, "object": {}}.get(
        str(kind), "ok"
    )


def _check(body: object, kind: Any, at: str) -> list[str]:
    return _refused(body, kind, at) or list(dict.fromkeys(_unknown(body, kind, at)))


def _refused(value: object, kind: Any, at: str) -> list[str]:
    try:
        _drain(_adapter(kind).validate_python(value, strict=True))
    except ValidationError as e:
        return [
            f"{at}{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in e.errors()[:3]
        ]
    return []


def _drain(value: object) -> None:
    """pydantic validates an Iterable only while it is read: unread, nothing inside a message has been checked."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        for item in value:
            _drain(item)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return {
        name: hint for name, hint in get_type_hints(kind).items() if name not in SENT_AS_HEADERS
    }


@cache
def _members(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) not in (Union, types.UnionType):
        return (hint,)
    return tuple(member for part in get_args(hint) for member in _members(part))


def _unknown(value: object, hint: Any, at: str) -> Iterator[str]:
    """Keys that the TypedDicts do not have, which pydantic lets pass, at any depth."""
    members = _members(hint)
    if isinstance(value, list):
        items = [
            get_args(m)[0]
            for m in members
            if get_origin(m) not in (None, dict, Literal) and get_args(m)
        ]
        for place, item in enumerate(value if items else []):
            yield from _unknown(item, Union[tuple(items)], f"{at}{place}.")  # noqa: UP007
    elif isinstance(value, dict):
        kinds = [m for m in members if is_typeddict(m) and _fits(value, m)]
        found = [list(_unknown_in(value, kind, at)) for kind in kinds]
        if kinds and any(isinstance(m, type) and issubclass(m, BaseModel) for m in members):
            # The SDK accepts its own response blocks back, and those classes let anything pass.
            found = [
                _refused(value, kind, at) or inner for kind, inner in zip(kinds, found, strict=True)
            ]
        yield from min(found, key=len, default=[])


def _unknown_in(value: dict[str, Any], kind: Any, at: str) -> Iterator[str]:
    hints = _hints(kind)
    for name, inner in value.items():
        if name not in hints:
            yield f"{at}{name}: Extra inputs are not permitted"
        elif isinstance(inner, (dict, list)):
            yield from _unknown(inner, hints[name], f"{at}{name}.")


def _fits(value: dict[str, Any], kind: Any) -> bool:
    """Whether the value's `type` and `role`, by which the API tells shapes apart, are this TypedDict's."""
    for name in ("type", "role"):
        allowed = [
            v
            for m in _members(_hints(kind).get(name))
            if get_origin(m) is Literal
            for v in get_args(m)
        ]
        if name in value and allowed and value[name] not in allowed:
            return False
    return True


def _check_content(body: dict[str, Any], at: str) -> list[str]:
    problems = [] if body["messages"] else [f"{at}messages: at least one message is required"]
    texts = [block["text"] for _, block in blocks(body) if block["type"] == "text"]
    if not all(texts):
        problems.append(f"{at}messages: text content blocks must be non-empty")
    if sum(1 for _, block in blocks(body) if block.get("cache_control")) > CACHE_MARKS:
        problems.append(
            f"{at}messages: a maximum of {CACHE_MARKS} blocks with cache_control may be provided"
        )
    answer = (body.get("output_config") or {}).get("format")
    return problems + list(
        _check_schema(answer["schema"], f"{at}output_config.format.schema") if answer else []
    )


def _check_schema(schema: object, at: str) -> Iterator[str]:
    """Structured outputs take a subset of JSON Schema: no bounds, and objects that name all of their keys."""
    if not isinstance(schema, dict):
        return
    for name in NOT_IN_SCHEMAS:
        if name in schema:
            yield f"{at}: {name} is not supported"
    if (schema.get("type") == "object" or "properties" in schema) and schema.get(
        "additionalProperties"
    ) is not False:
        yield f"{at}: additionalProperties must be false"
    for name in ("properties", "$defs", "definitions"):
        for key, part in schema.get(name, {}).items():
            yield from _check_schema(part, f"{at}.{name}.{key}")
    for name in ("anyOf", "allOf"):
        for place, part in enumerate(schema.get(name, [])):
            yield from _check_schema(part, f"{at}.{name}.{place}")
    yield from _check_schema(schema.get("items"), f"{at}.items")


def _extra(value: object, at: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{at}.{name}" for name in value.model_extra or {})
        for name in value.model_fields_set:
            yield from _extra(getattr(value, name), f"{at}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _extra(item, at)


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_marks(v) for k, v in value.items() if k != "cache_control"}
    return [_without_marks(v) for v in value] if isinstance(value, list) else value
