"""What can go wrong with Anthropic's API: the SDK's errors as the three kinds of trouble, in words without a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from slingshot.llm.anthropic.client import KEYS
from slingshot.llm.anthropic.replies import retry_after
from slingshot.llm.asked.api import RejectError, RetryError, StopError
from slingshot.llm.asked.redacting import Redactor
from slingshot.settings import PARAMS, AnthropicSettings, Settings
from slingshot.settings.llms import BASE_URL

if TYPE_CHECKING:
    import anthropic

UNBILLED = (409, 429, 500, 529)
"""Statuses that the API itself answers in place of a message. Others may come from something between, after the
message."""


class Troubles:
    """Explains the troubles of one model behind the API."""

    def __init__(self, settings: AnthropicSettings, params: Settings, redactor: Redactor) -> None:
        self._settings, self._params, self._redactor = settings, params, redactor

    def clean(self, text: object) -> str:
        """A server's words on one line, without the key."""
        return " ".join(self._redactor.text(str(text)).split())[:500]

    @contextmanager
    def translated(self, missing: str | None = None) -> Iterator[None]:
        """Raise the SDK's errors as RetryError, RejectError or StopError.

        `missing` says what a 404 means where it is not the model that is missing.
        """
        import anthropic
        import httpx2

        from slingshot.llm.anthropic.http import TooLargeError

        try:
            yield
        except anthropic.APIStatusError as error:
            raise self._status(error, missing) from None
        except anthropic.APIConnectionError as error:
            if isinstance(error.__cause__, TooLargeError):
                raise RetryError(str(error.__cause__), known=False) from None
            # Without a connection nothing was asked.
            unasked = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise RetryError(
                f"no connection: {self.clean(error.__cause__ or error)}", known=unasked
            ) from None
        except (
            anthropic.APIError,
            httpx2.HTTPError,
            AttributeError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            # The SDK looks for attributes and types that a reply may lack.
            raise RetryError(
                f"no readable answer: {self.clean(error) or type(error).__name__}", known=False
            ) from None
        except anthropic.AnthropicError as error:
            raise StopError(f"no key: {self.clean(error)}") from None

    def _status(self, error: anthropic.APIStatusError, missing: str | None) -> Exception:
        """The trouble that a status means."""
        code, message = error.status_code, self.clean(error.api_message or error.message)
        after, settings = retry_after(error.response.headers), self._settings
        if 300 <= code < 400:
            return StopError(self._redirected(error))
        if code == 404 and missing:
            return RejectError(missing)
        if code == 404:
            return StopError(self.unserved(f"404: {message}"))
        if code == 401 and settings.server and not settings.key_env:
            remedy = "name the variable that holds it as key_env"
            if not settings.base_url:
                remedy += (
                    f"; {BASE_URL} names this server, and your own key goes to Anthropic's alone"
                )
            return StopError(f"the server wants a key (401: {message}); {remedy}")
        if code == 401:
            return StopError(
                f"the API refused the key (401: {message}); set {settings.key_env or KEYS[0]}"
            )
        if code == 402:
            return StopError(
                f"the API wants to be paid first (402: {message}); see the account's billing"
            )
        if code == 403:
            return StopError(
                f"the key may not do this (403: {message}); see its rights and workspace"
            )
        if code == 429 and after is None and not settings.server:
            return StopError(
                f"the account has reached its own spend limit (429: {message}); see the account's limits"
            )
        if code in (408, 409, 429) or code >= 500:
            return RetryError(
                f"{code}: {message}", after=after, limited=code == 429, known=code in UNBILLED
            )
        return RejectError(f"{code}: {message}")

    def _redirected(self, error: anthropic.APIStatusError) -> str:
        """What to do about a redirect. Only the address's host is shown: the rest may hold a secret."""
        try:
            location = urlsplit(error.response.headers.get("location", ""))
            host = location.hostname or error.request.url.host
        except ValueError:
            host = "an address that is none"
        return (
            f"the server sends requests on to {self.clean(host)} ({error.status_code}), and texts and keys go to no "
            f"address but the one that is named: if the other is right, write it as base_url in {PARAMS}"
        )

    def unserved(self, message: str) -> str:
        """What to do about a model that is retired or unknown."""
        others = [
            f"{name} ({llm.model})"
            for name, llm in self._params.llms.items()
            if isinstance(llm, AnthropicSettings)
            and llm.model != self._settings.model
            and not llm.retired
        ]
        remedy = f"{PARAMS} also has {', '.join(others)}: put one into study.llms in its place"
        if not others:
            remedy = f"Name another model under llms in {PARAMS}"
        return f"the API does not serve the model '{self._settings.model}' ({message}). {remedy}"
