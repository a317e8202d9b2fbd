"""Everything that is not this computer, as a browser sees it: a proxy that answers nothing and notes who was asked for."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

# What Chromium asks for itself, whatever page it shows.
_OF_THE_BROWSER = ("update.googleapis.com", "accounts.google.com", "content-autofill.googleapis.com", "redirector.gvt1.com")


class Elsewhere:
    """A listening socket that a browser takes for its proxy. Browsers ask this computer's own addresses directly.

    It sees what events of a page do not tell: connections opened ahead of a request, name look-ups, requests of workers.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Elsewhere:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    line = connection.recv(4096).decode(errors="replace").split("\r\n")[0]
                    if not any(host in line for host in _OF_THE_BROWSER):
                        self.asked.append(line)
                    connection.sendall(b"HTTP/1.1 502 Elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                except OSError:
                    self.asked.append("a connection without a request")
