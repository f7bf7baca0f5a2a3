"""Translates the SDK's errors into the three kinds of trouble (see asked.api), in words that contain no key."""

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
"""Statuses that come from the API itself, so that there was no message. Other statuses may come from a server on the
way, after the API has sent a message."""


class Troubles:
    """Translates the errors of one model behind the API."""

    def __init__(self, llm: AnthropicSettings, settings: Settings, redactor: Redactor) -> None:
        self._llm, self._settings, self._redactor = llm, settings, redactor

    def clean(self, text: object) -> str:
        """A server's text on one line, without the key, cut to 500 characters."""
        return " ".join(self._redactor.text(str(text)).split())[:500]

    @contextmanager
    def translated(self, missing: str | None = None) -> Iterator[None]:
        """Turn the SDK's errors into RetryError, RejectError or StopError.

        `missing` is the reason of a 404 in a call where it does not mean that the model is missing.
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
                raise RetryError(str(error.__cause__), unbilled=False) from None
            # Where no connection was made, nothing was sent.
            unsent = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise RetryError(
                f"no connection: {self.clean(error.__cause__ or error)}", unbilled=unsent
            ) from None
        except (
            anthropic.APIError,
            httpx2.HTTPError,
            AttributeError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            # These include errors of Python: the SDK expects attributes and types that a reply may lack.
            raise RetryError(
                f"no readable answer: {self.clean(error) or type(error).__name__}", unbilled=False
            ) from None
        except anthropic.AnthropicError as error:
            raise StopError(f"no key: {self.clean(error)}") from None

    def _status(self, error: anthropic.APIStatusError, missing: str | None) -> Exception:
        """The trouble that a status stands for."""
        code, message = error.status_code, self.clean(error.api_message or error.message)
        after, llm = retry_after(error.response.headers), self._llm
        if 300 <= code < 400:
            return StopError(self._redirected(error))
        if code == 404 and missing:
            return RejectError(missing)
        if code == 404:
            return StopError(self.unserved(f"404: {message}"))
        if code == 401 and llm.server and not llm.key_env:
            remedy = "write the name of the key's variable as key_env"
            if not llm.base_url:
                remedy += (
                    f"; {BASE_URL} names this server, and your own key goes only to Anthropic's"
                )
            return StopError(f"the server needs a key (401: {message}); {remedy}")
        if code == 401:
            return StopError(
                f"the API refused the key (401: {message}); set {llm.key_env or KEYS[0]}"
            )
        if code == 402:
            return StopError(
                f"the API asks for payment first (402: {message}); see the account's billing"
            )
        if code == 403:
            return StopError(
                f"the key may not do this (403: {message}); see its permissions and workspace"
            )
        if code == 429 and after is None and not llm.server:
            return StopError(
                f"the account has reached its own spend limit (429: {message}); see the account's limits"
            )
        if code in (408, 409, 429) or code >= 500:
            return RetryError(
                f"{code}: {message}", after=after, limited=code == 429, unbilled=code in UNBILLED
            )
        return RejectError(f"{code}: {message}")

    def _redirected(self, error: anthropic.APIStatusError) -> str:
        """The message for a redirect. It shows only the host of the address, because the rest may contain a secret."""
        try:
            location = urlsplit(error.response.headers.get("location", ""))
            host = location.hostname or error.request.url.host
        except ValueError:
            host = "an address that can't be read"
        return (
            f"the server redirects to {self.clean(host)} ({error.status_code}), but texts and keys go only to the "
            f"server that is named: if the other server is right, write it as base_url in {PARAMS}"
        )

    def unserved(self, message: str) -> str:
        """The message for a model that is retired or unknown."""
        others = [
            f"{name} ({llm.model})"
            for name, llm in self._settings.llms.items()
            if isinstance(llm, AnthropicSettings)
            and llm.model != self._llm.model
            and not llm.retired
        ]
        remedy = f"{PARAMS} also has {', '.join(others)}: put one of them into study.llms instead"
        if not others:
            remedy = f"Name another model under llms in {PARAMS}"
        return f"the API does not serve the model '{self._llm.model}' ({message}). {remedy}"
