"""What the attacks are after, planted for real on this machine: secrets, listeners, and things to break.

Every secret is the same random word, the canary. An attack is told where things lie and never the word, so whenever the
word comes out of a sandbox, something got in. What is planted is taken away again when the trap closes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.abuse.prelude import call
from sandbox.contracts import JSON

__all__ = ["Trap", "lay_trap"]

SESSION_KEYRING, SETPERM, UNLINK = -3, 5, 9
SHARED_BYTES = 4096
KERNEL_WORDS = ("core_pattern", "hostname", "domainname", "modprobe")
"""Files of /proc/sys/kernel that an attack may try to change."""


@dataclass(slots=True)
class Trap:
    """What is planted, and what was seen of a touch."""

    mark: str
    """The name of the attacks' processes, files and keys; at most 15 characters, as the kernel keeps no more."""
    canary: str
    folder: Path
    facts: dict[str, JSON] = field(default_factory=dict)
    """What an attack is told."""
    touched: list[str] = field(default_factory=list)
    """Who came to a listener."""
    absent: list[str] = field(default_factory=list)
    """What this machine would not let us plant, and its words."""
    before: dict[str, str] = field(default_factory=dict)

    def state(self) -> dict[str, str]:
        """The things that nothing in a sandbox may change."""
        seen = {str(path): path.read_text(errors="replace") for path in self.folder.glob("*secret")}
        seen["files of the trap"] = " ".join(sorted(path.name for path in self.folder.iterdir()))
        for name in KERNEL_WORDS:
            path = Path("/proc/sys/kernel", name)
            seen[str(path)] = path.read_text() if path.exists() else ""
        seen["a process of the host"] = "alive" if is_alive(self.facts["victim"]) else "dead"
        return seen

    def disturbed(self) -> list[str]:
        """What an attack changed or touched since the last question."""
        now = self.state()
        found = [f"{name} changed" for name in now if now[name] != self.before.get(name)] + self.touched
        self.before, self.touched[:] = now, []
        return found


@asynccontextmanager
async def lay_trap() -> AsyncIterator[Trap]:
    """Plant everything, and take it away at the end."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="agentkit-trap-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # Another user may pass through, so that only isolation keeps it away.
        trap = Trap(f"ak{secrets.token_hex(5)}", secrets.token_hex(16), folder)
        trap.facts |= {"mark": trap.mark, "host_pid": os.getpid(), "home": str(Path.home())}
        trap.facts["project"] = str(Path(__file__).parent.parent)
        for plant in (plant_files, plant_descriptor, plant_variable, plant_process):
            plant(trap, stack)
        for plant in (plant_key, plant_shared_memory, plant_queue):
            try:
                plant(trap, stack)
            except OSError as error:
                trap.absent.append(f"{plant.__name__.removeprefix('plant_')}: {error}")
        await plant_listeners(trap, stack)
        trap.before = trap.state()
        yield trap


def plant_files(trap: Trap, stack: AsyncExitStack) -> None:
    """One for its owner alone, one for everybody, one in shared memory."""
    shared = Path("/dev/shm", trap.mark)
    for name, path, mode in (
        ("secret", trap.folder / "owner-secret", 0o600),
        ("open_secret", trap.folder / "open-secret", 0o644),
        ("shared_file", shared, 0o644),
    ):
        path.write_text(trap.canary)
        path.chmod(mode)
        trap.facts[name] = str(path)
    stack.callback(shared.unlink, missing_ok=True)


def plant_descriptor(trap: Trap, stack: AsyncExitStack) -> None:
    """An open file that a careless launch hands down."""
    descriptor = os.open(trap.folder / "owner-secret", os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    stack.callback(os.close, descriptor)


def plant_variable(trap: Trap, stack: AsyncExitStack) -> None:
    """A key in this process's environment, as keys of models are."""
    name = f"CANARY_{trap.mark}_API_KEY"
    os.environ[name] = trap.canary
    stack.callback(os.environ.pop, name, None)


def plant_process(trap: Trap, stack: AsyncExitStack) -> None:
    """A process of the host with a secret on its command line."""
    victim = subprocess.Popen(["cat", "-", trap.canary], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    trap.facts["victim"] = victim.pid

    def end() -> None:
        victim.kill()
        victim.communicate()

    stack.callback(end)


def plant_key(trap: Trap, stack: AsyncExitStack) -> None:
    """A key of the kernel's keyring that whoever knows its number may read."""
    secret = trap.canary.encode()
    number = call("add_key", b"user", trap.mark.encode(), secret, len(secret), SESSION_KEYRING)
    stack.callback(call, "keyctl", UNLINK, number, SESSION_KEYRING)
    call("keyctl", SETPERM, number, 0x3F3F3F3F)
    trap.facts["key"] = number


def plant_shared_memory(trap: Trap, stack: AsyncExitStack) -> None:
    """A segment of System V shared memory that everybody may read."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    key = secrets.randbits(30)
    number = checked(libc.shmget(key, SHARED_BYTES, 0o1666))  # IPC_CREAT
    stack.callback(libc.shmctl, number, 0, None)
    address = libc.shmat(number, None, 0)
    ctypes.memmove(address, trap.canary.encode(), len(trap.canary))
    libc.shmdt(ctypes.c_void_p(address))
    trap.facts["shared_memory"] = key


def plant_queue(trap: Trap, stack: AsyncExitStack) -> None:
    """A POSIX queue with a message in it that everybody may read."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = f"/{trap.mark}".encode()
    queue = checked(libc.mq_open(name, os.O_CREAT | os.O_RDWR, 0o666, None))
    stack.callback(libc.mq_unlink, name)
    checked(libc.mq_send(queue, trap.canary.encode(), len(trap.canary), 0))
    libc.mq_close(queue)
    trap.facts["queue"] = trap.mark


def checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


async def plant_listeners(trap: Trap, stack: AsyncExitStack) -> None:
    """Servers of this machine that tell the secret to whoever comes, and one that may be visited."""

    def telling(name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            trap.touched.append(f"the host's {name} was reached")
            writer.write(f"HTTP/1.0 200 OK\r\n\r\n{trap.canary}\n".encode())
            writer.close()

        return serve

    hosts = {"port": "127.0.0.1"} | ({"outer_port": address} if (address := own_address()) else {})
    for name, host in hosts.items():
        server = await stack.enter_async_context(await asyncio.start_server(telling(f"{host} port"), host, 0))
        trap.facts[name] = server.sockets[0].getsockname()[1]
    trap.facts["address"] = address
    socket_file = trap.folder / "socket"
    for name, where in (("socket", str(socket_file)), ("abstract", f"\0{trap.mark}")):
        await stack.enter_async_context(await asyncio.start_unix_server(telling(f"{name} socket"), where))
        trap.facts[name] = where
    socket_file.chmod(0o777)
    await plant_packets(trap, stack)
    allowed = await asyncio.start_server(welcome, "127.0.0.1", 0)
    await stack.enter_async_context(allowed)
    trap.facts["allowed_port"] = allowed.sockets[0].getsockname()[1]


async def plant_packets(trap: Trap, stack: AsyncExitStack) -> None:
    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            trap.touched.append("the host's UDP port was reached")

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Receiver, local_addr=("127.0.0.1", 0))
    stack.callback(transport.close)
    trap.facts["udp_port"] = transport.get_extra_info("sockname")[1]


async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request of a visitor who may come, with the request as it arrived."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(head), head))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # A visitor may leave as it likes.
    finally:
        writer.close()


def own_address() -> str:
    """An address of this machine that is not loopback; empty when it has none."""
    local, last = "", ""
    routes = Path("/proc/net/fib_trie")
    for line in routes.read_text().splitlines() if routes.exists() else []:
        words = line.split()
        if words[0] == "|--":
            last = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"] and not last.startswith("127."):
            local = local or last
    return local


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
