"""Inside the sandbox: a proxy's front on the loopback whose connections travel out in frames.

Runs as a process of its own beside the supervisor, forked by it, so that no thread lives in a process that forks:

    listener = tunnel.listen(3128)
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        tunnel.serve(theirs, listener)

The supervisor copies each `net-*` frame that it reads from `ours` out of the sandbox, and each that comes in to `ours`.
Frames are those of the supervisor: four bytes with the length of a JSON header, the header, `bytes` of payload.

    net-open   id             a program connected
    net-data   id, bytes      what it sent, or what it is to get
    net-ack    id, count      so many bytes of net-data have been passed on; at most WINDOW may be under way
    net-close  id             one side is done; nothing follows

Standard library only, Python 3.9 or later.
"""

from __future__ import annotations

import selectors
import socket

from sandbox.inside.frames import Buffer, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.inside.frames import Header

WINDOW = 256 * 1024
CHUNK = 64 * 1024
CONNECTIONS = 64


class Connection:
    """One program's connection to the proxy."""

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number, self.sock = number, sock
        self.waiting = bytearray()
        self.unacknowledged = 0
        self.ending = False


class Tunnel:
    """Moves bytes between connections on the loopback and frames on one socket."""

    def __init__(self, frames: socket.socket, listener: socket.socket) -> None:
        self.frames, self.listener = frames, listener
        self.incoming, self.outgoing = Buffer(header=4096, payload=CHUNK), bytearray()
        self.connections: dict[int, Connection] = {}
        self.opened = 0
        self.selector = selectors.DefaultSelector()
        for sock in (frames, listener):
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until the other end of the frames' socket is closed."""
        while True:
            for key, events in self.selector.select():
                if key.fileobj is self.frames:
                    if events & selectors.EVENT_READ and not self.read_frames():
                        return
                elif key.fileobj is self.listener:
                    self.accept()
                else:
                    self.serve(key.data, events)
            if not self.flush():
                return

    def accept(self) -> None:
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        if len(self.connections) >= CONNECTIONS:
            sock.close()
            return
        sock.setblocking(False)
        self.opened += 1
        connection = self.connections[self.opened] = Connection(self.opened, sock)
        self.selector.register(sock, selectors.EVENT_READ, connection)
        self.send({"type": "net-open", "id": connection.number})

    def serve(self, connection: Connection, events: int) -> None:
        """Read from and write to a program, whichever it is ready for."""
        if connection.number not in self.connections:
            return  # closed a moment ago, by a frame of the same round
        try:
            if events & selectors.EVENT_WRITE and connection.waiting:
                sent = connection.sock.send(connection.waiting)
                del connection.waiting[:sent]
                self.send({"type": "net-ack", "id": connection.number, "count": sent})
            if events & selectors.EVENT_READ and connection.unacknowledged < WINDOW:
                data = connection.sock.recv(CHUNK)
                if not data:
                    self.close(connection)
                    return
                connection.unacknowledged += len(data)
                self.send({"type": "net-data", "id": connection.number}, data)
        except BlockingIOError:
            pass
        except OSError:
            self.close(connection)
            return
        if connection.ending and not connection.waiting:
            self.close(connection)
        else:
            self.watch(connection)

    def watch(self, connection: Connection) -> None:
        """Wait for what the connection needs next; with neither, for nothing until a frame changes that."""
        wanted = selectors.EVENT_WRITE if connection.waiting else 0
        if connection.unacknowledged < WINDOW and not connection.ending:
            wanted |= selectors.EVENT_READ
        if connection.sock in self.selector.get_map():
            self.selector.unregister(connection.sock)
        if wanted:
            self.selector.register(connection.sock, wanted, connection)

    def close(self, connection: Connection, tell: bool = True) -> None:
        if self.connections.pop(connection.number, None) is None:
            return
        if connection.sock in self.selector.get_map():
            self.selector.unregister(connection.sock)
        connection.sock.close()
        if tell:
            self.send({"type": "net-close", "id": connection.number})

    def read_frames(self) -> bool:
        """Take in what came on the frames' socket. False when its other end is closed."""
        try:
            data = self.frames.recv(CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        for header, payload in self.incoming.feed(data):
            self.obey(header, payload)
        return True

    def obey(self, header: Header, payload: bytes) -> None:
        connection = self.connections.get(header.get("id", 0))
        if connection is None:
            return
        kind = header["type"]
        if kind == "net-data":
            connection.waiting += payload
        elif kind == "net-ack":
            connection.unacknowledged -= header["count"]
        elif kind == "net-close":
            connection.ending = True
            if not connection.waiting:
                self.close(connection, tell=False)
                return
        self.watch(connection)

    def send(self, header: Header, payload: bytes = b"") -> None:
        self.outgoing += encode(header, payload)

    def flush(self) -> bool:
        """Write as much as the frames' socket takes now; the rest when it takes more. False when nobody reads."""
        try:
            while self.outgoing:
                sent = self.frames.send(self.outgoing)
                del self.outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError:
            return False
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outgoing else 0)
        self.selector.modify(self.frames, wanted)
        return True


def listen(port: int) -> socket.socket:
    """The proxy's front on the loopback, ready before anything else runs."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(CONNECTIONS)
    return listener


def serve(frames: socket.socket, listener: socket.socket) -> None:
    """Move bytes until the supervisor is gone. Does not return before."""
    Tunnel(frames, listener).run()
