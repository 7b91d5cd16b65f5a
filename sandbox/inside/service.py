"""The supervisor's work: requests from the host come in, runs and files are dealt with, what happened goes out."""

from __future__ import annotations

import fcntl
import functools
import os
import resource
import signal
import socket
import sys
import traceback

from sandbox.inside import files, processes
from sandbox.inside.frames import Buffer, Input, encode, head, write_all
from sandbox.inside.interpreter import begin
from sandbox.inside.loop import Loop
from sandbox.inside.runs import Allowance, Run
from sandbox.inside.spawn import (
    BASH,
    MOST_DESCRIPTORS,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    Child,
    Command,
    Setting,
    prctl,
    spawn,
)
from sandbox.inside.transfers import Transfers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.inside.frames import Header

__all__ = ["PROTOCOL", "Service"]

PROTOCOL = 1
HIGH = 1000
"""Our descriptors begin here, out of the way of those that children get."""
PART = 256 * 1024
PROXY_PORT = 3128
F_SETPIPE_SZ, PIPE_BYTES = 1031, 2**20


class Service:
    """Serves one session until the host closes its end."""

    def __init__(self, setting: Setting) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_DESCRIPTORS, MOST_DESCRIPTORS))
        self._input = Input(fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, HIGH))
        self._output = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, HIGH)
        for fd in (self._input.fd, self._output):
            _widen(fd)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        os.close(nowhere)
        # Others with our uid must not trace this process or open what it has open.
        prctl(PR_SET_DUMPABLE, 0)
        if os.getpid() != 1:
            prctl(PR_SET_CHILD_SUBREAPER, 1)
        self._setting = setting
        self._root = os.open(setting.work, files.FOLDER)
        self._transfers = Transfers(self._root, self._input, self._send)
        self._loop = Loop()
        self._limits: Header = {}
        self._run: Run | None = None
        self._lasting: Child | None = None
        self._tunnel_pid, self._tunnel, self._tunnel_in = 0, -1, -1

    def serve(self) -> None:
        """Until the host's end is closed; then everything is killed."""
        os.umask(0o022)
        self._watch_children()
        self._send({"type": "hello", "protocol": PROTOCOL, "python": sys.version.split()[0]}, b"")
        self._loop.watch(self._input.fd, self._take_request)
        try:
            while True:
                self._loop.turn()
        except (EOFError, BrokenPipeError):
            pass
        except BaseException:
            self._send({"type": "broken", "why": traceback.format_exc()[-4000:]}, b"")
        finally:
            processes.sweep(spare=set())

    def _send(self, header: Header, payload: bytes) -> None:
        write_all(self._output, head(header, len(payload)))
        write_all(self._output, payload)

    def _take_request(self) -> None:
        header, payload = self._input.next()
        kind = header["type"]
        if kind.startswith("net-"):
            self._into_tunnel(encode(header, payload))
        elif kind in Transfers.KINDS:
            if kind == "restore" and not header["keep_interpreter"]:
                self._forget_interpreter()
            self._transfers.answer(header)
        elif kind == "answer" or kind == "kill":
            self._reach_run(header, payload)
        else:
            {"configure": self._on_configure, "run": self._on_run, "python": self._on_python}[kind](header, payload)

    # ---- children

    def _watch_children(self) -> None:
        read, write = os.pipe()
        for fd in (read, write):
            os.set_blocking(fd, False)
        # Whatever has no function of ours is ignored by the first process of a namespace; so none has but this one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)

        def woken() -> None:
            os.read(read, PART)
            self._bury(processes.reap()[0])

        self._loop.watch(read, woken)

    def _bury(self, ended: dict[int, int]) -> None:
        run, lasting = self._run, self._lasting
        if self._tunnel_pid in ended:
            self._close_tunnel()
        if run is not None and run.child.pid in ended:
            run.child_ended(ended[run.child.pid])
        elif lasting is not None and lasting.pid in ended:
            self._lasting = None
            lasting.close()

    def _others(self) -> set[int]:
        """Processes that are not part of the run: the tunnel, and the interpreter while something else runs."""
        found = {self._tunnel_pid} - {0}
        if self._lasting is not None and (self._run is None or self._run.child is not self._lasting):
            found.add(self._lasting.pid)
        return found

    def _ended(self, alive: bool) -> None:
        run, self._run = self._run, None
        if run is not None and run.lasting and not alive:
            self._lasting = None
        if self._lasting is not None and not processes.alive(self._lasting.pid):
            self._lasting.close()
            self._lasting = None
        self._wake_tunnel()

    # ---- requests

    def _on_configure(self, header: Header, payload: bytes) -> None:
        self._limits = header
        self._setting.limit(file_bytes=header["file_bytes"], cpu_s=header["cpu_s"])
        if header.get("network"):
            self._open_tunnel()
        self._send({"type": "ready"}, b"")

    def _on_run(self, header: Header, payload: bytes) -> None:
        argv = header["argv"]
        command = Command([*BASH, argv] if isinstance(argv, str) else argv, header["env"])
        try:
            folder = files.open_folder(self._root, files.split(header["cwd"]))
        except files.Refused as refusal:
            self._send({"type": "done", "id": header["id"], "refused": str(refusal)}, b"")
            return
        child = spawn(self._setting, folder=folder, python=None, command=command)
        os.close(folder)
        feed, child.feed = child.feed, -1
        self._start(header, child, lasting=False)
        self._loop.write(feed, payload, close=True)

    def _on_python(self, header: Header, payload: bytes) -> None:
        lasting = header["stateful"]
        child, began = self._lasting, False
        if not lasting or child is None:
            began = True
            child = spawn(
                self._setting,
                folder=self._root,
                python=functools.partial(begin, self._setting, not lasting),
                command=None,
            )
        else:
            os.kill(child.pid, signal.SIGCONT)
        if lasting:
            self._lasting = child
        run = self._start(header, child, lasting=lasting)
        if lasting:
            self._send({"type": "began" if began else "goes-on", "id": header["id"]}, b"")
        run.ask({"type": "snippet", "stateful": lasting, "functions": header["functions"]}, payload)

    def _start(self, header: Header, child: Child, *, lasting: bool) -> Run:
        if self._run is not None:
            raise RuntimeError("a run was asked for while another one is under way")
        limits = self._limits
        self._run = Run(
            header["id"],
            child,
            loop=self._loop,
            send=self._send,
            allowance=Allowance(
                wall_s=header["wall_s"],
                cpu_s=limits["cpu_s"],
                output_bytes=limits["output_bytes"],
                memory_bytes=limits["memory_bytes"],
            ),
            lasting=lasting,
            others=self._others,
            ended=self._ended,
        )
        return self._run

    def _reach_run(self, header: Header, payload: bytes) -> None:
        """What is meant for the run under way; it may have ended meanwhile."""
        if self._run is None or self._run.number != header["id"]:
            return
        if header["type"] == "kill":
            self._run.stop("killed")
        else:
            self._run.answer(payload)

    def _forget_interpreter(self) -> None:
        if self._run is not None:
            raise RuntimeError("a folder was to be restored while a run is under way")
        if self._lasting is not None:
            os.kill(self._lasting.pid, signal.SIGKILL)
            processes.sweep(spare={self._tunnel_pid})
            self._lasting.close()
            self._lasting = None
            self._wake_tunnel()

    # ---- the network

    def _open_tunnel(self) -> None:
        """Start the process that takes connections on the loopback and passes them out in frames."""
        from sandbox.inside import tunnel

        # Where the loopback is shared with other sandboxes, any port will do.
        listener = tunnel.listen(PROXY_PORT if os.getpid() == 1 else 0)
        port = listener.getsockname()[1]
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                signal.set_wakeup_fd(-1)
                low, high = sorted((theirs.fileno(), listener.fileno()))
                os.closerange(3, low)
                os.closerange(low + 1, high)
                os.closerange(high + 1, MOST_DESCRIPTORS)
                tunnel.serve(theirs, listener)
            finally:
                os._exit(1)
        listener.close()
        theirs.close()
        self._tunnel_pid, self._tunnel = pid, ours.detach()
        os.set_blocking(self._tunnel, False)
        self._tunnel_in = os.dup(self._tunnel)  # as the loop watches a descriptor for one thing at a time
        self._setting.proxy = f"http://127.0.0.1:{port}"
        buffer = Buffer(header=PART, payload=PART)
        self._loop.watch(self._tunnel, lambda: self._out_of_tunnel(buffer))

    def _out_of_tunnel(self, buffer: Buffer) -> None:
        try:
            data = os.read(self._tunnel, PART)
        except OSError:
            data = b""
        if not data:
            self._close_tunnel()
        for header, payload in buffer.feed(data):
            self._send(header, payload)

    def _into_tunnel(self, frame: bytes) -> None:
        if self._tunnel >= 0:
            self._loop.write(self._tunnel_in, frame)

    def _close_tunnel(self) -> None:
        """The tunnel has been killed by what runs here; there is no network from now on."""
        if self._tunnel >= 0:
            for fd in (self._tunnel, self._tunnel_in):
                self._loop.forget(fd)
                os.close(fd)
        self._tunnel_pid, self._tunnel, self._tunnel_in = 0, -1, -1

    def _wake_tunnel(self) -> None:
        if self._tunnel_pid:
            try:
                os.kill(self._tunnel_pid, signal.SIGCONT)
            except ProcessLookupError:
                pass  # its socket will tell


def _widen(fd: int) -> None:
    """Let a pipe hold more, so that two processes do not wait for each other at every 64 KiB."""
    try:
        fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        pass  # no pipe, or not allowed
