"""Message Batches of the loopback Messages API: made, polled, cancelled, listed, and their results in reverse order."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from anthropic.types import ErrorResponse
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from tests.messages_api import contract
from tests.messages_api.http import BODY, ApiError, ApiServer, as_json
from tests.messages_api.script import Fault

MOST_IN_BATCH = 100_000
FLAWS = ("garbled", "unmentioned", "huge")
"""What a result may be that was answered and billed: without its usage, not there, or a line of 11 MB."""
Outcomes = Mapping[str, str] | Callable[[str], str | None]


@dataclass
class Batch:
    id: str
    created: datetime
    params: dict[str, dict[str, Any]]
    results: dict[str, dict[str, Any]]
    flaws: dict[str, str] = field(default_factory=dict)
    """custom_id -> one of FLAWS."""
    polls: int = 0
    canceled: datetime | None = None
    ended: datetime | None = None


class BatchEndpoints(ApiServer):
    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, int] = {}
        """Served models, and how many tokens a prefix needs to be cached."""
        self.retired: dict[str, str] = {}
        """Models that were served once, and what a 404 says of them."""
        self.batches: dict[str, Batch] = {}
        self.batch_polls = 1
        """How many retrieves find a batch in progress."""
        self.batch_faults: deque[Fault] = deque()
        self._batch_scripts: list[dict[str, str] | Callable[[str], str | None]] = []

    def script_batch(self, outcomes: Outcomes) -> None:
        """custom_id -> "errored" (or "errored:TYPE"), "expired", "canceled", or one of FLAWS: each id of a mapping for
        the next batch that holds it, a function for one batch."""
        self._batch_scripts.append(outcomes if callable(outcomes) else dict(outcomes))

    def message(self, body: dict[str, Any], tier: str) -> dict[str, Any]:
        raise NotImplementedError

    def bill(
        self, kind: str, body: dict[str, Any], custom_id: str | None = None, answered: bool = True
    ) -> None:
        raise NotImplementedError

    def add_routes(self, router: web.UrlDispatcher) -> None:
        batch = "/v1/messages/batches/{id}"
        router.add_post("/v1/messages/batches", self._create_batch)
        router.add_get("/v1/messages/batches", self._list_batches)
        router.add_get(batch, self._retrieve_batch)
        router.add_post(f"{batch}/cancel", self._cancel_batch)
        router.add_get(f"{batch}/results", self._results)

    async def _create_batch(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        self.refuse(contract.check_batch(body))
        if len(body["requests"]) > MOST_IN_BATCH:
            raise ApiError(413, f"A batch holds at most {MOST_IN_BATCH} requests")
        fault = self.batch_faults.popleft() if self.batch_faults else None
        if fault and not fault.after:
            return await self.fail(request, fault)
        params = {r["custom_id"]: r["params"] for r in body["requests"]}
        outcomes = dict(self._outcomes(params))
        results = {name: self._result(params[name], outcomes.get(name)) for name in params}
        flaws = {name: outcome for name, outcome in outcomes.items() if outcome in FLAWS}
        batch = Batch(self.new("msgbatch"), datetime.now(UTC), params, results, flaws)
        self.batches[batch.id] = batch
        for name in params:
            if results[name]["type"] == "succeeded":
                self.bill("batch", params[name], name)
        if fault:
            return await self.fail(request, fault)
        return as_json(self._batch(batch))

    def _outcomes(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        kept: list[dict[str, str] | Callable[[str], str | None]] = []
        asked = False
        for script in self._batch_scripts:
            if isinstance(script, dict):
                yield from [(name, script.pop(name)) for name in names if name in script]
                kept += [script] if script else []
            elif asked:
                kept.append(script)
            else:
                asked = True
                yield from ((name, outcome) for name in names if (outcome := script(name)))
        self._batch_scripts = kept

    def _result(self, params: dict[str, Any], outcome: str | None) -> dict[str, Any]:
        model = params["model"]
        if model not in self.models:
            return _errored(
                "not_found_error", self.retired.get(model, f"model: {model}"), self.new("req")
            )
        if outcome in (None, "succeeded", *FLAWS):
            return {"type": "succeeded", "message": self.message(params, "batch")}
        kind, _, error = outcome.partition(":")
        return (
            {"type": kind}
            if kind != "errored"
            else _errored(error or "api_error", "scripted", self.new("req"))
        )

    def _batch(self, batch: Batch) -> dict[str, Any]:
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        for result in batch.results.values():
            counts[result["type"] if batch.ended else "processing"] += 1
        return contract.built(
            MessageBatch,
            id=batch.id,
            type="message_batch",
            processing_status="ended"
            if batch.ended
            else "canceling"
            if batch.canceled
            else "in_progress",
            request_counts=counts,
            created_at=batch.created,
            expires_at=batch.created + timedelta(hours=24),
            cancel_initiated_at=batch.canceled,
            ended_at=batch.ended,
            archived_at=None,
            results_url=f"{self.url}/v1/messages/batches/{batch.id}/results"
            if batch.ended
            else None,
        )

    def _find(self, request: web.Request) -> Batch:
        name = request.match_info["id"]
        if name not in self.batches:
            raise ApiError(404, f"batch: {name}")
        return self.batches[name]

    async def _retrieve_batch(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if not batch.ended and (batch.canceled or batch.polls >= self.batch_polls):
            batch.ended = datetime.now(UTC)
        batch.polls += 1
        return as_json(self._batch(batch))

    async def _cancel_batch(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if batch.ended:
            raise ApiError(400, f"batch {batch.id} has ended")
        for name, result in batch.results.items():
            if result["type"] == "succeeded":
                batch.results[name] = {"type": "canceled"}
                self.bill("canceled", batch.params[name], name, answered=False)
        batch.canceled = batch.canceled or datetime.now(UTC)
        return as_json(self._batch(batch))

    async def _list_batches(self, request: web.Request) -> web.Response:
        """Newest first. after_id: the page that follows; before_id: the page that ends just before."""
        names, query = list(reversed(self.batches)), request.query
        if unknown := set(query) - {"limit", "after_id", "before_id"}:
            self.refuse([f"{name}: Extra inputs are not permitted" for name in unknown])
        limit = query.get("limit", "20")
        size = int(limit) if limit.isdecimal() else 0
        if not 1 <= size <= 1000:
            self.refuse([f"limit: {limit!r} is not from 1 to 1000"])
        if (cursor := query.get("before_id") or query.get("after_id")) and cursor not in names:
            raise ApiError(404, f"batch: {cursor}")
        if before := query.get("before_id"):
            rest = names[: names.index(before)]
            page = rest[-size:]
        else:
            rest = names[names.index(query["after_id"]) + 1 :] if "after_id" in query else names
            page = rest[:size]
        ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
        data = [self._batch(self.batches[name]) for name in page]
        return as_json({"data": data, "has_more": len(rest) > size, **ends})

    async def _results(self, request: web.Request) -> web.Response:
        batch = self._find(request)
        if not batch.ended:
            raise ApiError(404, f"batch {batch.id} has no results yet")
        results = reversed(batch.results.items())
        lines = [
            contract.built(MessageBatchIndividualResponse, custom_id=name, result=r)
            for name, r in results
        ]
        for line in lines:
            if batch.flaws.get(line["custom_id"]) == "garbled":
                del line["result"]["message"]["usage"]
            if batch.flaws.get(line["custom_id"]) == "huge":
                line["result"]["padding"] = "x" * 11_000_000
        lines = [line for line in lines if batch.flaws.get(line["custom_id"]) != "unmentioned"]
        body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        return web.Response(text=body, content_type="application/x-jsonl")


def _errored(kind: str, message: str, request_id: str) -> dict[str, Any]:
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    return {"type": "errored", "error": contract.built(ErrorResponse, **error)}
