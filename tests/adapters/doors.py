"""A server on a real socket that can misbehave, and names that lead where a test says."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\ntrue"


class Talk:
    """One request on one connection, and what can be done about it."""

    def __init__(self, door: "Door", conn: socket.socket, number: int) -> None:
        self.door, self.conn, self.number = door, conn, number

    def say(self, data: bytes = OK) -> bool:
        self.conn.sendall(data)
        return True

    def drip(self, data: bytes, pause: float = 0.02) -> bool:
        for place in range(len(data)):
            if self.door.closing.is_set():
                return False
            self.conn.sendall(data[place : place + 1])
            time.sleep(pause)
        return True

    def silence(self) -> bool:
        self.door.closing.wait(10)
        return False

    def reset(self) -> bool:
        self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


class Door:
    """A server on loopback: reads whole requests, lets `behave` answer, remembers all of them."""

    def __init__(
        self, behave: Callable[[Talk], bool | None], tls: ssl.SSLContext | None = None
    ) -> None:
        self.behave = behave
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.closing.is_set():
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    def _talk(self, conn: socket.socket) -> None:
        try:
            if self.tls is not None:
                conn = self.tls.wrap_socket(conn, server_side=True)
            while request := _whole_request(conn):
                self.requests.append(request)
                if not self.behave(Talk(self, conn, len(self.requests))):
                    break
        except OSError:
            pass
        finally:
            conn.close()

    def close(self) -> None:
        self.closing.set()
        self._listener.close()


def _whole_request(conn: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = conn.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        piece = conn.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


def resolver(**names):
    """Resolves what it was given (`shop_example`); all else has no address. Counts."""

    def resolve(host, port, until):
        resolve.asked.append(host)
        if host not in names:
            raise OSError(-2, "Name or service not known")
        return names[host]

    names = {name.replace("_", "."): list(addresses) for name, addresses in names.items()}
    resolve.asked = []
    return resolve
