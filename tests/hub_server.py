"""A small Hugging Face hub on 127.0.0.1: the routes that huggingface_hub calls to resolve, list and download."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

API = re.compile(
    r"/api/(?P<kind>models|datasets)/(?P<id>[^/]+/[^/]+)(/(?P<what>revision|tree)/(?P<revision>[^/]+))?"
)
FILE = re.compile(
    r"/((?P<kind>datasets)/)?(?P<id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"
)


@dataclass
class Repository:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)


class Hub:
    """What the server holds. `asked` lists what was asked for, as "METHOD path"."""

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.asked: list[str] = []
        self.stalls: set[str] = set()
        """Paths of files that stop half-way, until the server ends."""
        self.lfs: set[str] = set()
        """Paths of files that git keeps elsewhere: they are listed by their sha256."""
        self.served: dict[str, bytes] = {}
        """Path -> what is served in the place of what is listed."""
        self.ended = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def add(
        self, name: str, files: Path | Mapping[str, bytes], kind: str = "dataset", ref: str = "main"
    ) -> str:
        """Put a commit of these files (or of a folder's) onto a branch; returns its made-up hash."""
        if isinstance(files, Path):
            files = {
                p.relative_to(files).as_posix(): p.read_bytes()
                for p in files.rglob("*")
                if p.is_file()
            }
        repository = self.repositories.setdefault((f"{kind}s", name), Repository())
        commit = hashlib.sha1(f"{name}{len(repository.commits)}".encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.refs[ref] = commit
        return commit

    def fetched(self) -> list[str]:
        """Paths of the files that were downloaded."""
        return [
            unquote(line.split("/resolve/")[1].split("/", 1)[1])
            for line in self.asked
            if line.startswith("GET /") and "/resolve/" in line
        ]

    def stop(self) -> None:
        """From now on nothing answers: the port is closed."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if hub.ended.is_set():  # a connection that the client kept open
                self.close_connection = True
                return None
            hub.asked.append(f"{self.command} {self.path}")
            path = urlparse(self.path).path
            api, file = API.fullmatch(path), FILE.fullmatch(path)
            found = api or file
            if not found:
                return self.refuse("EntryNotFound")
            repository = hub.repositories.get((found["kind"] or "models", found["id"]))
            if repository is None:
                return self.refuse("RepoNotFound")
            revision = unquote(found["revision"] or "main")
            commit = repository.refs.get(revision, revision)
            if commit not in repository.commits:
                return self.refuse("RevisionNotFound")
            if file:
                return self.send_file(unquote(file["path"]), commit, repository.commits[commit])
            assert api
            if api["what"] == "tree":
                listed = sorted(repository.commits[commit].items())
                return self.send_json(
                    [_entry(path, data, path in hub.lfs) for path, data in listed]
                )
            return self.send_json(
                {"id": found["id"], "sha": commit, "private": False, "tags": [], "siblings": []}
            )

        def do_HEAD(self) -> None:
            self.do_GET()

        def send_file(self, path: str, commit: str, files: dict[str, bytes]) -> None:
            if path not in files:
                return self.refuse("EntryNotFound")
            entry = _entry(path, files[path], path in hub.lfs)
            data, begin = hub.served.get(path, files[path]), 0
            if "Range" in self.headers:
                begin = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
            self.send_response(206 if begin else 200)
            self.send_header("X-Repo-Commit", commit)
            self.send_header("ETag", f'"{entry.get("lfs", entry)["oid"]}"')
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            if self.command == "GET" and path in hub.stalls:
                self.wfile.write(data[begin : begin + (len(data) - begin) // 2])
                self.wfile.flush()
                hub.ended.wait()
                self.close_connection = True
            elif self.command == "GET":
                self.wfile.write(data[begin:])
            return None

        def send_json(self, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self, code: str) -> None:
            self.send_response(404)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _entry(path: str, data: bytes, lfs: bool) -> dict[str, Any]:
    """As the hub lists a file: with the SHA-1 of its git blob, which for LFS is that of a pointer to its sha256."""
    if not lfs:
        return {"type": "file", "path": path, "size": len(data), "oid": git_blob(data)}
    digest = hashlib.sha256(data).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()
    held = {"oid": digest, "size": len(data), "pointerSize": len(pointer)}
    return {"type": "file", "path": path, "size": len(data), "oid": git_blob(pointer), "lfs": held}


def git_blob(data: bytes) -> str:
    """As `git hash-object` has it."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
