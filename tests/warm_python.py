"""A `python3` and a `dvc` that start fast: forks of one process that has loaded the heavy libraries.

Most of the time of a stage on toy data is the import of torch, transformers and scikit-learn. A fork is still a process
of its own: it gets the arguments, the folder, the environment and the streams of its caller, and it imports the
project's code itself. Only `python3 -m MODULE` is a fork; `python3` hands all other calls to the real interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import runpy
import select
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

HEAVY = (
    "altair anthropic datasets evaluate jinja2 pandas pyarrow.parquet pydantic rich ruamel.yaml scipy.optimize "
    "scipy.sparse scipy.stats sklearn.feature_extraction.text sklearn.linear_model sklearn.metrics torch tqdm "
    "transformers vl_convert transformers.models.bert.modeling_bert transformers.models.gemma3.modeling_gemma3 "
    "dvc.cli.parser dvc.repo.experiments dvc.repo.status dvc.stage.run dvc_data.index networkx scmrepo.git"
)
CLIENT = """#!{python} -IS
import json, os, socket, sys
words = {words}
if words[:1] != ["-m"]:
    os.execv({python!r}, [{python!r}, *words])
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({address!r})
request = json.dumps([words[1:], os.getcwd(), dict(os.environ)])
socket.send_fds(server, [request.encode()], [0, 1, 2])
pid = server.recv(64)
if "PID_FILE" in os.environ:
    with open(os.environ["PID_FILE"], "wb") as file:
        file.write(pid)
sys.exit(int(server.recv(64) or 1))
"""
COMMANDS = {"python3": "sys.argv[1:]", "dvc": "['-m', 'dvc', *sys.argv[1:]]"}
"""Command -> its words, as Python code in CLIENT."""
PLAIN = """#!/bin/sh
[ -z "$PID_FILE" ] || printf %s $$ > "$PID_FILE"
exec '{python}' "$@"
"""
"""`python3` on systems where a process can't pass its streams to another one."""
LONGEST = 1 << 17
"""Most bytes of a request."""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Path]:
    """Write both commands into `folder`, which callers put first on PATH. The server ends with the block.

    The command itself only waits: a signal to it does not reach the module. If PID_FILE is in its environment, it
    writes the process id of the module into that file.
    """
    address = str(folder / "socket")
    if sys.platform != "linux":
        scripts = {"python3": PLAIN.format(python=sys.executable)}
    else:
        values = {"python": sys.executable, "address": address}
        scripts = {name: CLIENT.format(words=words, **values) for name, words in COMMANDS.items()}
    for name, script in scripts.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    if sys.platform != "linux":
        yield folder
        return
    # A fork has only the thread that forked, so the libraries of the server must start none.
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | threads
    call = [sys.executable, "-P", __file__, address]
    pipe = subprocess.PIPE
    with subprocess.Popen(call, env=env, stdin=pipe, stdout=pipe) as server:
        assert server.stdout is not None and server.stdout.readline(), "the server did not start"
        yield folder


def serve(address: str) -> None:
    """Fork for each connection, until the standard input ends."""
    for name in HEAVY.split():
        importlib.import_module(name)
    gc.freeze()  # the garbage collector of a fork would copy every page that it touches
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                answer(connection)
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def answer(connection: socket.socket) -> NoReturn:
    """Fork again for the module, wait for it, and send its process id and its exit code."""
    request, streams, *_ = socket.recv_fds(connection, LONGEST, 3)
    if (pid := os.fork()) == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        run(become(*json.loads(request)))
    connection.send(str(pid).encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.send(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def become(arguments: list[str], folder: str, environment: dict[str, str]) -> str:
    """Change into the state of a new process with these arguments. Returns the name of the module to run."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    unbuffered = 1 if environment.get("PYTHONUNBUFFERED") else -1
    for number, (name, mode, buffering) in enumerate(
        [("stdin", "r", -1), ("stdout", "w", unbuffered), ("stderr", "w", 1)]
    ):
        setattr(sys, name, open(number, mode, buffering, closefd=False))  # noqa: SIM115
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.modules.pop("sitecustomize", None)
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")
    name, *sys.argv[1:] = arguments
    return name


def run(module: str) -> NoReturn:
    """Run it as `python3 -m` does, but without the interpreter's own shutdown, which takes longer than most stages."""
    code: object = 0
    try:
        sys.argv[0] = str(
            importlib.util.find_spec(module).origin
        )  # read by functions that run at exit
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        code = traceback.format_exc()
    if isinstance(code, str):
        print(code, file=sys.stderr)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
