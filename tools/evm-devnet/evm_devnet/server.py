"""HTTP and WebSocket on one port of the loopback interface."""

from __future__ import annotations

import queue
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from .node import Node
from .rpc import Endpoint, Response

BODY_BYTES_MAX = 5 * 1024 * 1024
STACK_BYTES = 128 * 1024 * 1024
WAITING_MESSAGES_MAX = 10_000
ADDRESS = "127.0.0.1"
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, node: Node, port: int) -> None:
        # py-evm allows ten thousand nested frames, and calls of contracts nest 1,024 deep.
        threading.stack_size(STACK_BYTES)
        super().__init__((ADDRESS, port), Handler)
        self.node = node

    @property
    def port(self) -> int:
        return self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that went away in the middle is none of our concern.
        self.node.say(f"connection from {client_address} broke off")


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Both the head and the body of an answer in one packet.
    wbufsize = -1

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    @property
    def endpoint_path(self) -> str:
        return urlsplit(self.path).path or "/"

    def local(self) -> bool:
        """Whether the Host header names this machine: a web page that a name was rebound for does not."""
        name = self.headers.get("Host", "localhost").rsplit(":", 1)[0]
        return name in LOCAL_NAMES

    def do_GET(self) -> None:
        if not self.local():
            return self.reply(403, b"invalid host specified\n", "text/plain")
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.close_connection = True
            self.wfile.flush()
            Session(self.server.node, self.connection, self.endpoint_path).run(self.handshake())
            return
        # For those who wait until the node is up.
        self.reply(200, b"", "text/plain")

    def handshake(self) -> bytes:
        """The request as it came, for the WebSocket library to read."""
        lines = [f"GET {self.path} HTTP/1.1"] + [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def do_POST(self) -> None:
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            self.close_connection = True
            return self.reply(411, b"length required\n", "text/plain")
        if not 0 <= length <= BODY_BYTES_MAX:
            self.close_connection = True
            return self.reply(413, b"content length too large\n", "text/plain")
        payload = self.rfile.read(length)
        if not self.local():
            return self.reply(403, b"invalid host specified\n", "text/plain")
        response = Endpoint(self.server.node, self.endpoint_path).handle(payload)
        if response.fate is not None:
            return self.fail(response)
        self.reply(200, (response.text or "").encode(), "application/json")

    def fail(self, response: Response) -> None:
        """Does to a whole response what was scripted."""
        assert response.fate is not None
        kind, detail = response.fate.kind, response.fate.detail
        body = (response.text or "").encode()
        if kind == "status":
            status = int(detail.get("status", 429))
            headers = {"Retry-After": str(detail["retryAfter"])} if "retryAfter" in detail else {}
            self.reply(status, b"scripted failure\n", "text/plain", headers)
        elif kind == "malformed":
            self.reply(200, body[: len(body) // 2] + b"\x00}{", "application/json")
        elif kind == "empty":
            self.reply(200, b"", "application/json")
        elif kind == "truncated":
            # The length promises more than comes.
            self.close_connection = True
            self.reply(200, body[: len(body) // 2], "application/json", {"Content-Length": str(len(body))})
        else:
            self.close_connection = True

    def reply(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


class Session:
    """A WebSocket connection. The library knows the protocol; this moves its bytes.

    One thread reads and answers; another writes what subscriptions say, so that a slow reader does not hold up the
    chain. One that lets too much wait is cut off.
    """

    def __init__(self, node: Node, connection: socket.socket, path: str) -> None:
        self.node = node
        self.connection = connection
        self.path = path
        self.endpoint = Endpoint(node, path, self)
        self.protocol = ServerProtocol(max_size=BODY_BYTES_MAX)
        self.sending = threading.Lock()
        self.waiting: queue.Queue[str | None] = queue.Queue(WAITING_MESSAGES_MAX)
        self.message = b""

    def run(self, handshake: bytes) -> None:
        self.protocol.receive_data(handshake)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
        self.flush()
        if self.protocol.state is not State.OPEN:
            return
        with self.node.lock:
            self.node.hub.open(self)
        writer = threading.Thread(target=self.write, daemon=True)
        writer.start()
        try:
            self.read()
        finally:
            with self.node.lock:
                self.node.hub.forget(self)
            self.cut()

    def read(self) -> None:
        while True:
            try:
                received = self.connection.recv(65_536)
            except OSError:
                return
            if received:
                self.protocol.receive_data(received)
            else:
                self.protocol.receive_eof()
            events = self.protocol.events_received()
            self.flush()
            for event in events:
                if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                    self.message += event.data
                    if event.fin:
                        message, self.message = self.message, b""
                        if not self.answer(message):
                            return
            if not received or self.protocol.close_expected():
                return

    def answer(self, message: bytes) -> bool:
        response = self.endpoint.handle(message)
        text = response.text
        if response.fate is not None:
            if response.fate.kind in ("status", "hangup"):
                return False
            text = {"empty": "", "malformed": (text or "")[: len(text or "") // 2] + "}{"}.get(
                response.fate.kind, (text or "")[: len(text or "") // 2]
            )
        if text is not None:
            self.send(text)
        return True

    def send(self, text: str) -> None:
        with self.sending:
            if self.protocol.state is State.OPEN:
                self.protocol.send_text(text.encode())
        self.flush()

    def flush(self) -> None:
        with self.sending:
            try:
                for chunk in self.protocol.data_to_send():
                    if chunk:
                        self.connection.sendall(chunk)
                    else:
                        self.connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    # Told by others

    def push(self, text: str) -> None:
        try:
            self.waiting.put_nowait(text)
        except queue.Full:
            self.cut()

    def write(self) -> None:
        while (text := self.waiting.get()) is not None:
            try:
                self.send(text)
            except ProtocolError:
                return

    def cut(self) -> None:
        try:
            self.waiting.put_nowait(None)
        except queue.Full:
            pass
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
