"""Attacks on the network: of the host, of the machine's neighbours, and around the filtering proxy.

The trap's listeners note who comes, so a connection that got through is seen from the host's side.
"""

from __future__ import annotations

from sandbox.abuse.attack import Attack

__all__ = ["REACH"]

LEAVES = "sends packets beyond the machine"

CONNECT = """
import socket
def visit(host, port, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.settimeout(1.5)
        made.connect((host, port))
        print(made.recv(200))
    return f"{host}:{port}"
"""

PROXY = (
    CONNECT
    + """
import urllib.parse
def ask(text):
    proxy = urllib.parse.urlsplit(os.environ.get("HTTP_PROXY") or os.environ.get("http_proxy") or "http://127.0.0.1:3128")
    with socket.create_connection((proxy.hostname, proxy.port), timeout=5) as made:
        made.sendall(text if isinstance(text, bytes) else text.encode())
        made.settimeout(4)
        reply = b""
        try:
            while len(reply) < 4000 and (more := made.recv(4000)):
                reply += more
        except OSError:
            pass
    print(reply)
    return reply
def allowed_answer():
    host = f"127.0.0.1:{TRAP['allowed_port']}"
    return ask(f"GET http://{host}/here HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n")
def status(reply):
    return reply.split(b"\\r\\n")[0].decode(errors="replace")[:60] or "no answer"
def refusals(*texts):
    # The allowed server answers first, so that a refusal is not just a proxy that never works.
    if b" 200 " not in allowed_answer()[:40]:
        raise RuntimeError("the allowed server was not reached through the proxy")
    replies = [status(ask(text)) for text in texts]
    through = [reply for reply in replies if " 200" in reply]
    said = sorted({reply[9:12] if reply[:5] == "HTTP/" else reply for reply in replies})
    return won(through[0]) if through else stopped("the proxy: " + ", ".join(said))
"""
)

ALLOWED = ("127.0.0.1:{allowed}",)

REACH = (
    Attack(
        name="a port of the host's loopback",
        tries="talk to a service of the host that trusts whoever comes from the machine itself",
        code=CONNECT
        + """
attempt(
    lambda: visit("127.0.0.1", TRAP["port"]),
    lambda: visit("localhost", TRAP["port"]),
    lambda: visit("0.0.0.0", TRAP["port"]),
    lambda: visit("::ffff:127.0.0.1", TRAP["port"], socket.AF_INET6),
)
""",
    ),
    Attack(
        name="the host's own address",
        tries="talk to a service of the host by its address in the network",
        code=CONNECT
        + """
attempt(
    lambda: visit(TRAP["address"] or "192.0.2.1", TRAP.get("outer_port", 80)),
    lambda: visit("172.17.0.1", TRAP["port"]),
    lambda: visit("host.docker.internal", TRAP["port"]),
)
""",
    ),
    Attack(
        name="packets to the host",
        tries="send a UDP packet to a port of the host",
        code="""
import socket
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
met = set()
for host in ("127.0.0.1", TRAP["address"] or "192.0.2.1", "255.255.255.255"):
    try:
        made.sendto(b"hello", (host, TRAP["udp_port"]))
    except OSError as error:
        met.add(refused(error))
# What was sent on the sandbox's own loopback arrives nowhere; the host's listener tells the difference.
stopped(", ".join(sorted(met)) or "a loopback of its own")
""",
    ),
    Attack(
        name="names",
        tries="ask a name server, which carries data out in the names alone",
        code="""
import socket
def resolve(name):
    return socket.getaddrinfo(name, 80)
def ask(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(1.5)
        made.connect((server, 53))
        made.send(bytes.fromhex("123401000001000000000000076578616d706c6503636f6d0000010001"))
        return made.recv(512)
servers = ["127.0.0.53", "8.8.8.8", "1.1.1.1"]
if os.path.exists("/etc/resolv.conf"):
    servers += [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver")]
attempt(lambda: resolve("example.com"), *(lambda server=server: ask(server) for server in servers))
""",
        hurts=LEAVES,
    ),
    Attack(
        name="the cloud's metadata",
        tries="read the machine's credentials from the metadata service",
        code=CONNECT
        + """
attempt(
    lambda: visit("169.254.169.254", 80),
    lambda: visit("fd00:ec2::254", 80, socket.AF_INET6),
    lambda: visit("100.100.100.200", 80),
)
""",
        hurts=LEAVES,
    ),
    Attack(
        name="the internet",
        tries="reach any other host, by version 4, version 6, or a neighbour in the network",
        code=CONNECT
        + """
attempt(
    lambda: visit("1.1.1.1", 443),
    lambda: visit("192.0.2.1", 80),
    lambda: visit("10.0.0.1", 80),
    lambda: visit("2606:4700:4700::1111", 443, socket.AF_INET6),
)
""",
        hurts=LEAVES,
    ),
    Attack(
        name="a socket file of the host",
        tries="talk to a service of the host through its socket file",
        code="""
import socket
def visit():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.settimeout(1.5)
        made.connect(TRAP["socket"])
        print(made.recv(200))
    return "connected"
attempt(visit)
""",
    ),
    Attack(
        name="a socket without a file",
        tries="talk to a service of the host through an abstract socket, which no file system keeps away",
        code="""
import socket
def visit():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.settimeout(1.5)
        made.connect(TRAP["abstract"])
        print(made.recv(200))
    return "connected"
attempt(visit)
""",
    ),
    Attack(
        name="sockets of well-known services",
        tries="find the sockets of Docker, containerd, D-Bus, X, an agent of keys, or a database",
        code="""
import glob, socket
patterns = (
    "/var/run/*.sock",
    "/run/*.sock",
    "/run/*/*.sock",
    "/run/*/*socket*",
    "/run/user/*/*",
    "/tmp/.X11-unix/*",
    "/tmp/ssh-*/*",
    "/var/run/*/*.sock",
    "/var/lib/*/*.sock",
)
found = sorted({path for pattern in patterns for path in glob.glob(pattern)})
won(", ".join(found[:3])) if found else stopped("none is there")
""",
        hurts="depends on what runs on the machine",
    ),
    *(
        Attack(name=name, tries=tries, code=f"import socket\nattempt({deeds})", hurts=hurts)
        for name, tries, deeds, hurts in (
            (
                "raw packets",
                "send packets of its own making",
                "lambda: socket.socket(2, 3, 1), lambda: socket.socket(10, 3, 58), lambda: socket.socket(17, 3, 0x300)",
                "needs the rights of root, which differ by machine",
            ),
            (
                "netlink",
                "talk to the kernel about routes, firewalls and audits",
                "*(lambda kind=kind: socket.socket(16, 3, kind) for kind in (0, 9, 12, 15, 16))",
                "",
            ),
            (
                "vsock",
                "reach the machine's hypervisor, which heeds no network namespace",
                "lambda: socket.socket(40, 1, 0), lambda: os.open('/dev/vsock', os.O_RDONLY)",
                "depends on the machine's kernel",
            ),
            (
                "ciphers of the kernel",
                "use the kernel's ciphers, which many exploits begin with",
                "lambda: socket.socket(38, 5, 0).bind(('hash', 'sha256'))",
                "depends on the machine's kernel",
            ),
            (
                "rare kinds of sockets",
                "have the kernel load an old protocol: X.25, AppleTalk, Bluetooth, CAN, TIPC, SCTP, Phonet, XDP",
                "*(lambda it=it: socket.socket(*it) for it in ((9, 5), (5, 2), (31, 3), (29, 3, 1), (30, 1))), "
                "*(lambda it=it: socket.socket(*it) for it in ((2, 1, 132), (35, 2), (44, 3), (21, 5), (15, 3, 2)))",
                "depends on the machine's kernel",
            ),
        )
    ),
    Attack(
        name="addresses of its own",
        tries="give its network an address or a route by ioctl",
        code="""
import fcntl, socket, struct
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
request = struct.pack("16sH2s4s16x", b"lo", socket.AF_INET, b"", socket.inet_aton("192.0.2.7"))
attempt(
    lambda: fcntl.ioctl(made, 0x8916, request), lambda: fcntl.ioctl(made, 0x8914, struct.pack("16sH22x", b"lo", 1))
)
""",
        hurts="changes the machine's network",
    ),
    Attack(
        name="another port through the proxy",
        tries="reach a port of the allowed host that is not allowed",
        code=PROXY
        + """
other = f"127.0.0.1:{TRAP['port']}"
refusals(
    f"GET http://{other}/ HTTP/1.1\\r\\nHost: {other}\\r\\n\\r\\n",
    f"CONNECT {other} HTTP/1.1\\r\\nHost: {other}\\r\\n\\r\\n",
    f"GET http://127.0.0.1/ HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n",
)
""",
        allow=ALLOWED,
    ),
    Attack(
        name="another spelling of the host",
        tries="reach the host's loopback under another name: numbers, version 6, localhost, a user's part",
        code=PROXY
        + """
port, fine = TRAP["port"], f"127.0.0.1:{TRAP['allowed_port']}"
names = [
    f"{name}:{port}"
    for name in (
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "127.0.0.1.",
        f"{fine}@127.0.0.1",
        "127.0.0.1%00.example.com",
    )
]
refusals(
    *(f"GET http://{name}/ HTTP/1.1\\r\\nHost: {fine}\\r\\n\\r\\n" for name in names),
    *(f"CONNECT {name} HTTP/1.1\\r\\nHost: {fine}\\r\\n\\r\\n" for name in names),
)
""",
        allow=ALLOWED,
    ),
    Attack(
        name="a second request in the first",
        tries="smuggle a request for another host into an allowed connection",
        code=PROXY
        + """
fine, other = f"127.0.0.1:{TRAP['allowed_port']}", f"127.0.0.1:{TRAP['port']}"
more = f"GET http://{other}/ HTTP/1.1\\r\\nHost: {other}\\r\\n\\r\\n"
if b" 200 " not in allowed_answer()[:40]:
    raise RuntimeError("the allowed server was not reached through the proxy")
for text in (
    f"GET http://{fine}/ HTTP/1.1\\r\\nHost: {fine}\\r\\n\\r\\n{more}",
    f"GET http://{fine}/ HTTP/1.1\\r\\nHost: {other}\\r\\n"
    f"Content-Length: 0\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n{more}",
    f"GET http://{fine}/\\thttp://{other}/ HTTP/1.1\\nHost: {other}\\n\\n{more}",
    f"GET http://{fine}\\\\@{other}/ HTTP/1.1\\r\\nHost: {fine}\\r\\n\\r\\n",
    f"GET http://{other}#@{fine}/ HTTP/1.1\\r\\nHost: {fine}\\r\\n\\r\\n",
    f"GET /relative HTTP/1.1\\r\\nHost: {other}\\r\\n\\r\\n",
    f"CONNECT {fine} HTTP/1.1\\r\\nHost: {other}\\r\\n\\r\\n{more}",
):
    ask(text)
# Each of these that reached the other port was noted there.
stopped("nothing came to the other port")
""",
        allow=ALLOWED,
    ),
    Attack(
        name="a name that leads home",
        tries="use an allowed name that resolves to the host's loopback",
        code=PROXY
        + """
refusals(
    f"GET http://localhost:{TRAP['port']}/ HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n",
    f"CONNECT localhost:{TRAP['port']} HTTP/1.1\\r\\n\\r\\n",
)
""",
        allow=(*ALLOWED, "localhost:{port}"),
    ),
    Attack(
        name="around the proxy",
        tries="reach the allowed host, or another, directly and not through the proxy",
        code=PROXY
        + """
if b" 200 " not in allowed_answer()[:40]:
    raise RuntimeError("the allowed server was not reached through the proxy")
attempt(lambda: visit("127.0.0.1", TRAP["port"]), lambda: visit("127.0.0.1", TRAP["allowed_port"]))
""",
        allow=ALLOWED,
    ),
    Attack(
        name="a proxy that is kept busy",
        tries="wear the proxy out with endless headers, slow requests and hundreds of connections",
        code=PROXY
        + """
import time
held = []
address = urllib.parse.urlsplit(os.environ.get("HTTP_PROXY", "http://127.0.0.1:3128"))
try:
    for _ in range(300):
        held.append(socket.create_connection((address.hostname, address.port), timeout=1))
        held[-1].sendall(b"GET http://")
except OSError:
    pass
try:
    for _ in range(200):
        held[0].sendall(b"x" * 100_000)
except (OSError, IndexError):
    pass
for one in held:
    one.close()
time.sleep(0.3)
stopped("it goes on serving") if b" 200 " in allowed_answer()[:40] else won("the proxy no longer answers")
""",
        allow=ALLOWED,
    ),
)
