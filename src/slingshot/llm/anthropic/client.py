"""Makes the SDK's client for Anthropic's API or another server: its key, its headers and its connection."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, cast

from slingshot.llm.asked.api import StopError
from slingshot.llm.asked.redacting import Redactor
from slingshot.settings import AnthropicSettings, llms

if TYPE_CHECKING:
    import anthropic

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
CONNECT = 10.0
"""Seconds in which a connection must be made."""
NO_KEY = "none"
"""The key for another server whose settings name none."""


def key(llm: AnthropicSettings) -> str | None:
    """The environment's key for this server, if there is one.

    Your own Anthropic key goes only to Anthropic's server: another server gets the key that `key_env` names, or none.
    """
    if llm.key_env:
        names: tuple[str, ...] = (llm.key_env,)
    else:
        names = () if llm.server else KEYS
    for name in names:
        value = os.environ.get(name, "").strip()  # a key from a file may end with a line break
        if value:
            return value
    return None


def client(llm: AnthropicSettings, timeout: float, redactor: Redactor) -> anthropic.AsyncAnthropic:
    """A client without retries. The redactor learns its keys. Raises StopError for a missing or malformed key."""
    import anthropic

    from slingshot.llm.anthropic import http as anthropic_http

    secret = key(llm)
    if llm.key_env and not secret:
        raise StopError(f"the environment variable {llm.key_env} (llms.key_env) is not set")
    if secret and not re.fullmatch(r"[!-~]+", secret):
        raise StopError(
            f"{llm.key_env or KEYS[0]} is not a key: it contains a space, a line break or a special character"
        )
    address, headers = llm.server, None
    if address:
        secret = secret or NO_KEY
        headers = _own_headers(secret)
    elif llms.BASE_URL in os.environ:
        # `server` is None here, so the variable names Anthropic's own server or is blank. The SDK would use it as it
        # is.
        address = llms.ANTHROPIC_API
    connection = anthropic.AsyncAnthropic(
        api_key=secret,
        base_url=address,
        default_headers=headers,
        max_retries=0,
        # A short limit for the connection alone: while there is no connection, nothing was sent and nothing is billed.
        timeout=anthropic.Timeout(timeout, connect=min(timeout, CONNECT)),
        http_client=anthropic_http.Client(redactor, direct=not llm.remote),
    )
    if not (connection.api_key or connection.auth_token or connection.credentials):
        raise StopError(f"no key: set {KEYS[0]} in the environment")
    return connection


def _own_headers(key: str) -> dict[str, str]:
    """Headers that undo those of ANTHROPIC_CUSTOM_HEADERS, which the SDK adds. They are meant for another server."""
    import anthropic

    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines if ":" in line]
    # The SDK accepts `omit` for any header, although the type of its default headers does not say so.
    omit = cast(str, anthropic.omit)
    return {name: f"Bearer {key}" if name.lower() == "authorization" else omit for name in names}
