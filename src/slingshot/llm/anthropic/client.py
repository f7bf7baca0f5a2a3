"""The SDK's client for Anthropic's API or another server of it: whose key and headers it sends, and by which way."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from slingshot.llm.asked.api import StopError
from slingshot.llm.asked.redacting import Redactor
from slingshot.settings import AnthropicSettings, llms

if TYPE_CHECKING:
    import anthropic

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
CONNECT = 10.0
"""Seconds in which a connection must come about."""
NO_KEY = "none"
"""The key that another server gets where none is named for it."""


def key(settings: AnthropicSettings) -> str | None:
    """The key that the environment holds for this server, if any, without the end of line that a file leaves on it."""
    names = (settings.key_env,) if settings.key_env else () if settings.server else KEYS
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def client(
    settings: AnthropicSettings, timeout: float, redactor: Redactor
) -> anthropic.AsyncAnthropic:
    """A client without retries, whose keys the redactor learns. Raises StopError without a key."""
    import anthropic

    from slingshot.llm.anthropic import http as anthropic_http

    sent = key(settings)
    if settings.key_env and not sent:
        raise StopError(f"the environment variable {settings.key_env} (llms.key_env) is not set")
    if sent and not re.fullmatch(r"[!-~]+", sent):
        raise StopError(
            f"{settings.key_env or KEYS[0]} holds a blank, a line break or another character of no key"
        )
    address, headers = settings.server, None
    if address:
        sent = sent or NO_KEY
        headers = _own_headers(sent)
    elif llms.BASE_URL in os.environ:
        # The SDK would take the variable as it stands there, blank or not.
        address = llms.ANTHROPIC_API
    connection = anthropic.AsyncAnthropic(
        api_key=sent,
        base_url=address,
        default_headers=headers,
        max_retries=0,
        # A missing connection is known soon, and then nothing was asked.
        timeout=anthropic.Timeout(timeout, connect=min(timeout, CONNECT)),
        http_client=anthropic_http.Client(redactor, direct=not settings.remote),
    )
    if not (connection.api_key or connection.auth_token or connection.credentials):
        raise StopError(f"no key: set {KEYS[0]} in the environment")
    return connection


def _own_headers(key: str) -> dict[str, str]:
    """Headers that take back those of ANTHROPIC_CUSTOM_HEADERS, which the SDK adds: they are for another server."""
    import anthropic

    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines if ":" in line]
    # The SDK takes `omit` for any header, which its type of default headers does not say.
    omit: Any = anthropic.omit
    return {name: f"Bearer {key}" if name.lower() == "authorization" else omit for name in names}
