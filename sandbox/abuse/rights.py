"""Attacks on rights: of root, of namespaces and mounts, over the machine's clock, name, devices and limits.

Here the kernel's own answer to a valid call is what counts; what would change the machine is also looked at from
outside.
"""

from __future__ import annotations

from sandbox.abuse.attack import Attack, Ruling, Scene, Verdict, told

__all__ = ["NEEDS_ROOT", "RIGHTS"]


async def nobody(scene: Scene) -> Ruling:
    """As the host sees them, its processes are not root's."""
    if scene.peak.root:
        return Ruling(Verdict.NOT_STOPPED, "it is root, as the host sees it")
    if scene.peak.processes == 0:
        return Ruling(Verdict.UNTRIED, "nobody saw its process from outside")
    return await told(scene)


NEEDS_ROOT = "needs the rights of root, and then changes the machine"

RIGHTS = (
    Attack(
        name="rights of root",
        tries="have a capability, now or after running a setuid program, or be root outside",
        code="""
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
held = {
    name: status[name].strip()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    if int(status[name], 16)
}
import time
time.sleep(0.3)
won(f"holds {', '.join(sorted(held))}") if held else stopped("no capability in any set, nobody's user id")
""",
        judge=nobody,
        watched=True,
        hurts="is what a program of this user has anyway",
    ),
    Attack(
        name="setuid programs",
        tries="gain rights by running su, mount, passwd or an own setuid file",
        code="""
import glob, shutil, subprocess
def becomes_root(path):
    reply = subprocess.run([path, "-c", "import os; print(os.geteuid())"], capture_output=True, text=True)
    return int(reply.stdout or 1) == 0 and os.getuid() != 0
made = shutil.copy(os.path.realpath(sys.executable), "root-me")
os.chmod(made, 0o6755)
found = [
    path
    for folder in ("/bin", "/usr/bin", "/usr/sbin", "/usr/lib")
    for path in glob.glob(folder + "/*")
    if os.path.isfile(path) and os.stat(path).st_mode & 0o6000
]
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
if becomes_root("./root-me"):
    answer = won("an own setuid file gave root")
elif status["NoNewPrivs"].strip() == "1":
    answer = stopped("no_new_privs")
else:
    answer = won("setuid programs would work")
answer
""",
        hurts="is what a program of this user has anyway",
    ),
    Attack(
        name="becoming another user",
        tries="change to uid 0 or to another uid or group",
        code="""
attempt(
    lambda: os.setresuid(0, 0, 0),
    lambda: os.setresuid(12345, 12345, 12345),
    lambda: os.setresgid(0, 0, 0),
    lambda: os.setgroups([0]),
)
""",
        hurts="is what a program of this user has anyway",
    ),
    Attack(
        name="user namespaces",
        tries="make a user namespace, in which one is root again, with unshare, clone or clone3",
        code="""
import struct
def child(flags):
    pid = call("clone", flags | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "clone"
def child3(flags):
    arguments = ctypes.create_string_buffer(struct.pack("<QQQQQQQQ", flags, 0, 0, 0, 17, 0, 0, 0))
    pid = call("clone3", arguments, 64)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "clone3"
attempt(lambda: child(0x10000000), lambda: child3(0x10000000), lambda: call("unshare", 0x10000000))
""",
        hurts="is what a program of this user has anyway",
    ),
    Attack(
        name="other namespaces",
        tries="make namespaces of mounts, network, processes, hostname and queues without a user namespace",
        code="""
attempt(
    *(
        lambda flag=flag: call("unshare", flag)
        for flag in (0x20000, 0x40000000, 0x20000000, 0x4000000, 0x8000000, 0x2000000)
    )
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="entering namespaces",
        tries="join the namespaces of pid 1 or of the parent",
        code="""
def enter(pid, kind):
    return call("setns", os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), 0)
attempt(
    *(
        lambda pid=pid, kind=kind: enter(pid, kind)
        for pid in (1, os.getppid())
        for kind in ("mnt", "net", "user", "pid")
    )
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="mounting",
        tries="mount a file system, with the old call and the new ones",
        code="""
os.makedirs("there", exist_ok=True)
attempt(
    lambda: call("mount", MARK.encode(), b"there", b"tmpfs", 0, 0),
    lambda: call("mount", b"/", b"there", b"", 4096, 0),
    lambda: call("mount", b"proc", b"there", b"proc", 0, 0),
    lambda: call("fsopen", b"tmpfs", 0),
    lambda: call("open_tree", -100, b"/", 1),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="remounting read-write",
        tries="make the read-only parts of the file system writable and write there",
        code="""
def write(folder):
    path = f"{folder}/{MARK}"
    open(path, "w").close()
    os.unlink(path)
    return folder
folders = ("/usr", "/usr/bin", "/usr/lib", "/bin", "/lib", "/etc", "/sys", "/proc/sys", "/")
attempt(
    *(lambda f=f: call("mount", b"none", f.encode(), b"", 32 | 4096, 0) for f in folders),
    *(lambda f=f: write(f) for f in folders),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="unmounting and pivoting",
        tries="take away what covers the host's files, with umount and pivot_root",
        code="""
os.makedirs("old", exist_ok=True)
attempt(
    *(lambda p=p: call("umount2", p, 2) for p in (b"/proc", b"/work", b"/tmp", b"/dev", b"/etc", b"/")),
    lambda: call("pivot_root", b".", b"old"),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="core_pattern",
        tries="name a program that the kernel runs as root outside, when something crashes",
        code="""
names = (
    "kernel/core_pattern",
    "kernel/modprobe",
    "vm/overcommit_memory",
    "kernel/ns_last_pid",
    "net/ipv4/ip_forward",
    "fs/file-max",
)
def same_again(name):
    with open("/proc/sys/" + name) as file:
        was = file.read()
    handle = os.open("/proc/sys/" + name, os.O_WRONLY)
    os.write(handle, was.encode())
    return name
others = ("/proc/sysrq-trigger", "/proc/sys/fs/binfmt_misc/register", "/proc/irq/0/smp_affinity")
attempt(
    *(lambda name=name: same_again(name) for name in names),
    *(lambda name=name: os.open(name, os.O_WRONLY) for name in others),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="writing to /sys",
        tries="open control files of the kernel, its devices and its cgroups for writing",
        code="""
import glob
names = (
    glob.glob("/sys/kernel/*")
    + glob.glob("/sys/power/*")
    + glob.glob("/sys/fs/cgroup/*")
    + glob.glob("/sys/fs/cgroup/*/*")
    + glob.glob("/sys/module/*/parameters/*")
)
names += [
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/kernel/debug",
    "/proc/1/oom_score_adj",
    "/proc/1/cgroup",
]
attempt(
    *(lambda name=name: os.close(os.open(name, os.O_WRONLY)) or name for name in names if not os.path.isdir(name)),
    lambda: os.mkdir(f"/sys/fs/cgroup/{MARK}"),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="rebooting",
        tries="restart the machine; what is really asked is that Ctrl-Alt-Del shall do nothing",
        code="attempt(lambda: call('reboot', 0xFEE1DEAD, 672274793, 0, 0))",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="setting the clock",
        tries="set the machine's time, which no namespace separates",
        code="""
import struct, time
now = struct.pack("<qq", int(time.time()), 0)
tick = ctypes.create_string_buffer(struct.pack("<IIq", 0x4000, 0, 10000), 208)
attempt(lambda: call("clock_settime", 0, now), lambda: call("settimeofday", now, 0), lambda: call("adjtimex", tick))
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="setting the host name",
        tries="rename the machine",
        code="""
attempt(lambda: call("sethostname", b"agentkit", 8), lambda: call("setdomainname", b"agentkit", 8))
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="swap, quotas, accounting",
        tries="swap to a file of its own, change quotas, have processes accounted into a file",
        code="""
open("swap", "wb").write(bytes(4096))
attempt(
    lambda: call("swapon", b"swap", 0),
    lambda: call("quotactl", 0x800002 << 8, b"/dev/root", 0, 0),
    lambda: call("acct", b"swap"),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="device files",
        tries="make device files for memory, null and a terminal",
        code="""
import stat
attempt(
    *(
        lambda n=n, f=f: call("mknodat", -100, f"{f}/device{n}".encode(), stat.S_IFCHR | 0o666, os.makedev(1, n))
        for n in (1, 3)
        for f in (".", "/tmp", "/dev/shm")
    )
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="priority",
        tries="run before everybody else: real-time class, negative niceness, first at the disk",
        code="""
attempt(
    lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
    lambda: call("ioprio_set", 1, 0, 1 << 13),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="locking memory",
        tries="lock memory that then cannot be taken back, and raise the limit for it",
        code="""
import resource
size = 64 << 20
def lock():
    libc, block = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(size)
    if libc.mlock(block, size):
        raise OSError(ctypes.get_errno(), "mlock")
    return "64 MiB locked"
attempt(lock, lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (size * 2, size * 2)) or lock())
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="raising its own limits",
        tries="lift the limits on open files, processes, file size and core files",
        code="""
import resource
def lift(name):
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY:
        raise OSError(34, "nothing to lift")
    resource.setrlimit(kind, (hard + 1, hard + 1))
    return name
attempt(
    *(
        lambda name=name: lift(name)
        for name in ("RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_MEMLOCK")
    )
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="a core file",
        tries="have the kernel write the memory of a crashed process somewhere, or run a program for it",
        code="""
pid = os.fork()
if pid == 0:
    os.abort()
state = os.waitpid(pid, 0)[1]
left = [name for name in os.listdir(".") if name.startswith("core")]
won(f"a core was written: {left}") if os.WCOREDUMP(state) or left else stopped("RLIMIT_CORE")
""",
        hurts="runs the machine's own crash reporter",
    ),
)
