"""The SDK's client for Anthropic's API or another server of it: whose key and headers it sends, and by which way."""

from __future__ import annotations

import os
import re
from typing import Any

from slingshot.llm.asked.api import StopError
from slingshot.llm.asked.redacting import Redactor
from slingshot.settings import AnthropicSettings, llms

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
CONNECT = 10.0
"""Seconds."""
NO_KEY = "none"
"""What another server is sent in place of a key, where none is named for it."""


def key(settings: AnthropicSettings) -> str | None:
    """The key that the environment holds for this server, if any; without the line's end that a file leaves on it."""
    names = (settings.key_env,) if settings.key_env else () if settings.server else KEYS
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def client(settings: AnthropicSettings, timeout: float, redactor: Redactor) -> Any:
    """An `anthropic.AsyncAnthropic` without retries, whose keys the redactor learns. Raises StopError without a key."""
    import anthropic

    from slingshot.llm.anthropic import http as anthropic_http

    # A connection that does not come about is known soon, and then nothing was asked.
    patience = anthropic.Timeout(timeout, connect=min(timeout, CONNECT))
    options: dict[str, Any] = {"max_retries": 0, "timeout": patience}
    found = key(settings)
    if settings.key_env and not found:
        raise StopError(f"the environment variable {settings.key_env} (llms.key_env) is not set")
    if found and not re.fullmatch(r"[!-~]+", found):
        raise StopError(
            f"{settings.key_env or KEYS[0]} holds a blank, a line break or another character of no key"
        )
    if settings.server:
        found = found or NO_KEY
        options |= {"base_url": settings.server, "default_headers": _own_headers(found)}
    elif llms.BASE_URL in os.environ:
        options["base_url"] = (
            llms.ANTHROPIC_API
        )  # the SDK would take the variable as it stands there, blank or not
    if found:
        options["api_key"] = found
    made = anthropic.AsyncAnthropic(
        **options, http_client=anthropic_http.Client(redactor, direct=not settings.remote)
    )
    if not (made.api_key or made.auth_token or made.credentials):
        raise StopError(f"no key: set {KEYS[0]} in the environment")
    return made


def _own_headers(key: str) -> dict[str, Any]:
    """What takes back the headers of ANTHROPIC_CUSTOM_HEADERS, which the SDK adds: they are for another server."""
    import anthropic

    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines if ":" in line]
    return {
        name: f"Bearer {key}" if name.lower() == "authorization" else anthropic.omit
        for name in names
    }
