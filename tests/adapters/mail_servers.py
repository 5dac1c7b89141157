"""Mail servers for tests: one that catches, one that follows a script, TLS in front of either."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class Catcher:
    """Takes everything, or answers as it was told."""

    def __init__(self):
        self.mails, self.froms, self.tos, self.says = [], [], [], {}

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        envelope.mail_from = address
        return self.says.get("MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        said = self.says.get(address, self.says.get("RCPT", "250 OK"))
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        said = self.says.get("DATA", "250 taken")
        if said.startswith("250"):
            self.mails.append(envelope.content)
            self.froms.append(envelope.mail_from)
            self.tos.append(list(envelope.rcpt_tos))
        return said


class Ready(Controller):
    """A controller on a free port."""

    def __init__(self, handler, **more):
        self.more = more
        super().__init__(handler, hostname="127.0.0.1", port=0)

    def factory(self):
        return SMTP(self.handler, hostname="mail.test", **self.more)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Scripted:
    """Says these lines, one for each that it hears; then it is silent, or gone."""

    def __init__(self, *lines, then="silence", drip=0.0):
        self.lines, self.then, self.drip = lines, then, drip
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.over.set()
        self.listener.close()
        self.thread.join(2)

    def serve(self):
        with suppress(OSError):
            conn, _ = self.listener.accept()
            with conn, conn.makefile("rb") as heard:
                if all(self.say(conn, line) and self.hear(heard, line) for line in self.lines):
                    self.over.wait(10 if self.then == "silence" else 0)

    def say(self, conn, line):
        for place in range(0, len(line), 1 if self.drip else len(line)):
            conn.sendall(line[place : place + 1] if self.drip else line)
            if self.over.wait(self.drip):
                return False
        return True

    def hear(self, heard, line):
        if line.startswith(b"354"):
            while heard.readline() not in {b".\r\n", b""}:
                pass
            return True
        return bool(heard.readline())


@contextmanager
def tls_front(context, port):
    """TLS in front of a plain server."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        except OSError:
            pass
        finally:
            sink.close()

    def serve():
        while True:
            try:
                conn, _ = listener.accept()
                secured = context.wrap_socket(conn, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            behind = socket.create_connection(("127.0.0.1", port))
            for pair in ((secured, behind), (behind, secured)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()
