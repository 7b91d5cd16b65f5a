"""Sessions in containers, over the docker SDK: the same on Docker and on Podman.

Between the code and this machine stand the kernel's namespaces, control groups and a seccomp filter, as an engine sets
them up. Covered:
- the file system: a read-only root made of the image; /work, /tmp and /dev/shm are sized tmpfs, without set-user-id
  and devices. Of this machine nothing is mounted but the `packages` folder, read-only.
- the network: none. An allow-list works through the session's own channel, so that too needs no network device.
- rights: a user id that is nobody's, no capabilities, no-new-privileges, the profile of `sandbox.container_seccomp`.
- resources: memory without swap, processes, processor share, files and their sizes. What lies in /work, /tmp and
  /dev/shm counts as memory too, so files fill `Limits.memory_bytes` before a larger `Limits.file_bytes`.
- leftovers: the main process ends with the connection, hence with the process that opened it, and the rest with it;
  the stopped container is removed by `close`, or after a crash by `prune`.

Not covered: faults of the kernel or the engine, side channels, and whoever may talk to the engine, as this process
does: that is as good as root. Rootless Docker and Podman take that away.

Known to be weaker:
- That a command was killed for memory is read from its control group. Where that cannot be seen (an engine on another
  machine) it shows as a plain signal 9.
- Podman 4 does not limit how many files a folder takes (`Limits.memory_bytes` does, as each takes some), and does not
  say that a container died for want of memory. It runs here with runc; its crun refuses mixed control groups.
- Where the kernel does not count swap, memory may be paged out beyond the limit, and an old Docker (20.10) answers a
  call that nobody knows with EPERM instead of ENOSYS.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import random
import secrets
import socket
import tempfile
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

from sandbox.container_link import ContainerLink, remove
from sandbox.container_seccomp import profile
from sandbox.contracts import MIB, NO_NETWORK, Limits, Network, SandboxUnavailable, Session
from sandbox.engine import Engine, connect, engine_errors, probe
from sandbox.image import ensure_image, remove_stale_images

__all__ = ["Container", "probe", "prune"]

LABEL = "agentkit.owner"
"""Label of a container: the process that opened it, as JSON of `_owner`."""
USERS = range(50_000, 60_000)
"""Ids that no account has; one by chance for each container, as some limits of the kernel are counted by user."""
OWN_PROCESSES = 2
"""Processes of the sandbox itself, on top of `Limits.processes`."""
DEFAULTS = Limits()
SHARED_MEMORY_BYTES = 64 * MIB
ULIMITS = {"core": 0, "nofile": 4096, "nproc": 4096, "msgqueue": 0}
"""All named, as Podman would raise those that are not, and fail where it may not."""
CPU_PERIOD_US = 100_000
PACKAGES = "/packages"

T = TypeVar("T")


class Container:
    """Opens each session in a container of its own. See the module for what it covers."""

    name = "container"
    isolation: Literal["container"] = "container"

    def __init__(
        self,
        *,
        python: str | None = None,
        packages: Path | None = None,
        engine: str | None = None,
        base: str | None = None,
        cpus: float = 1.0,
    ) -> None:
        """Describe the containers; nothing is started or looked for yet.

        Args:
            python: the interpreter inside, as a name or path in the image; None for its `python3`.
            packages: a folder of importable packages on the engine's machine, readable by all, seen as /packages.
            engine: its address, `unix:///run/podman/podman.sock`; None for DOCKER_HOST or the usual places.
            base: the image to build on, or `host` for this machine's own Python; None for the best to be had.
            cpus: processors that a session may use at once, 0.01 and up.
        """
        if not cpus >= 0.01:
            raise ValueError(f"cpus={cpus!r}: expected 0.01 or more")
        self.python, self.packages, self.base, self.cpus = python or "python3", packages, base, cpus
        self._address = engine
        self._engine: Engine | None = None
        self._image: str | None = None
        self._preparing = asyncio.Lock()

    async def open(self, limits: Limits = DEFAULTS, *, network: Network = NO_NETWORK) -> Session:
        """Start a session in a new container; the first one builds the image where it is absent.

        Raises:
            SandboxUnavailable: no engine answers, or it cannot run such a container; the message says what to do.
        """
        from sandbox.session import open_session

        link = await self.launch(limits)
        return await open_session(self, link, limits=limits, network=network)

    async def launch(self, limits: Limits) -> ContainerLink:
        """Start a container and attach to its main process."""
        engine = await self._prepare()
        name = f"agentkit-{os.getpid()}-{secrets.token_hex(6)}"
        starting = asyncio.create_task(asyncio.to_thread(self._start, engine, name, limits=limits))
        try:
            connection = await asyncio.shield(starting)
            return await ContainerLink.over(connection, engine=engine, name=name)
        except BaseException:
            # A thread cannot be cancelled: let it end, and take away what it made.
            await _undisturbed(self._discard(starting, engine=engine, name=name))
            raise

    async def close(self) -> None:
        """Give the connections to the engine back. Sessions that are open go on."""
        engine = self._engine
        self._engine = None
        if engine:
            await asyncio.to_thread(engine.close)

    async def _prepare(self) -> Engine:
        async with self._preparing:
            if self._engine is None:
                self._engine = await asyncio.to_thread(connect, self._address)
            if self._image is None:
                self._image = await asyncio.to_thread(ensure_image, self._engine, base=self.base)
            return self._engine

    def _start(self, engine: Engine, name: str, *, limits: Limits) -> socket.socket:
        with engine_errors("starting a container", refused=SandboxUnavailable):
            self._create(engine, name, limits=limits)
            # Attached before it starts, so that no byte can come before there is somebody to read it.
            attached = engine.api.attach_socket(name, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            # Taken out of the SDK's hands, which would keep its end open until it is collected as garbage.
            connection = socket.socket(fileno=attached._sock.detach())
            try:
                engine.api.start(name)
            except BaseException:
                connection.close()
                raise
            return connection

    def _create(self, engine: Engine, name: str, *, limits: Limits) -> None:
        import docker.errors

        with seccomp_option(engine) as seccomp:
            try:
                engine.api.create_container_from_config(self._configuration(engine, limits, seccomp=seccomp), name)
            except docker.errors.ImageNotFound:  # somebody tidied up since it was built
                self._image = ensure_image(engine, base=self.base)
                engine.api.create_container_from_config(self._configuration(engine, limits, seccomp=seccomp), name)

    async def _discard(self, starting: asyncio.Task[socket.socket], *, engine: Engine, name: str) -> None:
        with contextlib.suppress(Exception):
            (await starting).close()
        await asyncio.to_thread(remove, engine, name)

    def _configuration(self, engine: Engine, limits: Limits, *, seccomp: str) -> Any:
        user = random.SystemRandom().choice(USERS)
        packages = ["--packages", PACKAGES] if self.packages else []
        host = engine.api.create_host_config(
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges", seccomp],
            ipc_mode="private",
            mem_limit=limits.memory_bytes,
            memswap_limit=limits.memory_bytes,
            pids_limit=limits.processes + OWN_PROCESSES,
            cpu_period=CPU_PERIOD_US,
            cpu_quota=int(self.cpus * CPU_PERIOD_US),
            tmpfs=self._tmpfs(limits, user=user, kind=engine.kind),
            ulimits=[{"Name": name, "Soft": most, "Hard": most} for name, most in ULIMITS.items()],
            # What the session says goes to us alone; an engine that also logs it would fill this machine's disk.
            log_config={"Type": "none"},
            binds={str(self.packages.absolute()): {"bind": PACKAGES, "mode": "ro"}} if self.packages else None,
        )
        return engine.api.create_container_config(
            self._image,
            [self.python, "-S", "-s", "/opt/agentkit/supervisor.py", "--work", "/work", *packages],
            hostname="sandbox",
            user=f"{user}:{user}",
            stdin_open=True,
            environment={"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONPATH": ""},
            working_dir="/work",
            host_config=host,
            labels={LABEL: json.dumps(_owner())},
        )

    def _tmpfs(self, limits: Limits, *, user: int, kind: str) -> dict[str, str]:
        shared = min(limits.file_bytes, SHARED_MEMORY_BYTES)
        sizes = {"/work": limits.file_bytes, "/tmp": limits.file_bytes, "/dev/shm": shared}
        if kind == "docker":
            own = f"nr_inodes={limits.files + 1},uid={user},gid={user}"
            return {path: f"rw,exec,nosuid,nodev,mode=0700,size={size},{own}" for path, size in sizes.items()}
        # Podman 4 knows neither a number of files nor a user by number, but `U` for the user of the container; and it
        # makes folders writable that nobody asked for.
        folders = {path: f"rw,exec,nosuid,nodev,mode=0700,size={size},U,notmpcopyup" for path, size in sizes.items()}
        return folders | dict.fromkeys(("/run", "/var/tmp"), "ro,nosuid,nodev,noexec,size=4k,notmpcopyup")


@contextlib.contextmanager
def seccomp_option(engine: Engine) -> Iterator[str]:
    """The profile as the engine takes it: Docker as text, Podman as a file that is there while it creates."""
    if engine.kind == "docker":
        yield f"seccomp={profile()}"
        return
    with tempfile.NamedTemporaryFile("w", prefix="agentkit-seccomp-", suffix=".json") as file:
        file.write(profile())
        file.flush()
        yield f"seccomp={file.name}"


def prune(address: str | None = None) -> list[str]:
    """Remove containers whose process is gone, and images of other versions; say what was removed.

    Containers of other machines on the same engine stay. Empty where there is no engine.
    """
    try:
        engine = connect(address)
    except SandboxUnavailable:
        return []
    with contextlib.closing(engine):
        removed = []
        with engine_errors("looking for containers"):
            found = engine.api.containers(all=True, filters={"label": LABEL})
        for container in found:
            if _is_orphan(json.loads(container["Labels"][LABEL])):
                remove(engine, container["Id"])
                removed.append(f"container {container['Names'][0].lstrip('/')}")
        return removed + remove_stale_images(engine)


def _owner() -> dict[str, Any]:
    """This process, so that it can be told from a later one with the same number."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {"machine": platform.node(), "boot": boot, "pid": os.getpid(), "started": _started(os.getpid())}


def _started(pid: int) -> int | None:
    """When a process began, in the kernel's ticks; None when there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError):
        return None


def _is_orphan(owner: dict[str, Any]) -> bool:
    here = _owner()
    if owner["machine"] != here["machine"]:
        return False
    return bool(owner["boot"] != here["boot"] or _started(owner["pid"]) != owner["started"])


async def _undisturbed(work: Awaitable[T]) -> T:
    """Wait for work to end even while being cancelled."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()
