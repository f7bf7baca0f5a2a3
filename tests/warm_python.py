"""A `python3` and a `dvc` that have loaded the heavy libraries already: forks of one process.

Loading torch, transformers and scikit-learn is most of what a stage on toy data takes. A fork is still a process of its
own, with the arguments, folder, environment and streams it was given, and it loads the project's code itself. What is
not `python3 -m MODULE`, `python3` hands to the real one.
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
    "altair datasets jinja2 pandas pyarrow.parquet pydantic rich ruamel.yaml scipy.optimize scipy.sparse scipy.stats "
    "sklearn.feature_extraction.text sklearn.linear_model sklearn.metrics torch tqdm transformers vl_convert "
    "transformers.models.bert.modeling_bert transformers.models.gemma3.modeling_gemma3 "
    "dvc.cli.parser dvc.repo.experiments dvc.repo.status dvc.stage.run dvc_data.index networkx scmrepo.git"
)
CLIENT = """#!{python} -IS
import json, os, socket, sys
words = {words}
if words[:1] != ["-m"]:
    os.execv({python!r}, [{python!r}, *words])
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({address!r})
said = json.dumps([words[1:], os.getcwd(), dict(os.environ)])
socket.send_fds(server, [said.encode()], [0, 1, 2])
number = server.recv(64)
if "PID_FILE" in os.environ:
    with open(os.environ["PID_FILE"], "wb") as file:
        file.write(number)
sys.exit(int(server.recv(64) or 1))
"""
COMMANDS = {"python3": "sys.argv[1:]", "dvc": "['-m', 'dvc', *sys.argv[1:]]"}
"""What each is given."""
PLAIN = """#!/bin/sh
[ -z "$PID_FILE" ] || printf %s $$ > "$PID_FILE"
exec '{python}' "$@"
"""
"""Where a process can't be handed another's streams so."""
LONGEST = 1 << 17


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Path]:
    """Put both into the folder, to stand first on PATH; the process behind them ends with the block or with ours.

    A signal to such a command ends or stops only who waits for the module. With PID_FILE in its environment, it writes
    the number of the module's process there.
    """
    address = str(folder / "socket")
    if sys.platform != "linux":
        made = {"python3": PLAIN.format(python=sys.executable)}
    else:
        values = {"python": sys.executable, "address": address}
        made = {name: CLIENT.format(words=words, **values) for name, words in COMMANDS.items()}
    for name, script in made.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    if sys.platform != "linux":
        yield folder
        return
    # No thread of the server's would live on in a fork.
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | threads
    call = [sys.executable, "-P", __file__, address]
    pipe = subprocess.PIPE
    with subprocess.Popen(call, env=env, stdin=pipe, stdout=pipe) as server:
        assert server.stdout is not None and server.stdout.readline(), "it did not start"
        yield folder


def serve(address: str) -> None:
    """Fork for each connection until the standard input ends."""
    for name in HEAVY.split():
        importlib.import_module(name)
    gc.freeze()  # a fork shares what it does not touch
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
    """Fork once more for the module, wait for it and say how it ended."""
    said, streams, *_ = socket.recv_fds(connection, LONGEST, 3)
    if (module := os.fork()) == 0:
        connection.close()
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        run(become(*json.loads(said)))
    connection.send(str(module).encode())
    ended = os.waitstatus_to_exitcode(os.waitpid(module, 0)[1])
    connection.send(str(ended if ended >= 0 else 128 - ended).encode())
    os._exit(0)


def become(arguments: list[str], folder: str, environment: dict[str, str]) -> str:
    """Take on what a new process would be given; the name of the module to run."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = (
        open(place, mode, closefd=False)  # noqa: SIM115
        for place, mode in enumerate(("r", "w", "w"))
    )
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.modules.pop("sitecustomize", None)
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")
    name, *sys.argv[1:] = arguments
    return name


def run(module: str) -> NoReturn:
    """As `python3 -m` does, but for taking apart what was loaded, which takes longer than most stages do."""
    code: object = 0
    try:
        sys.argv[0] = str(importlib.util.find_spec(module).origin)  # for what runs at the exit
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
