"""A tool server in one file: it runs a tool only for a token that is good for it at this moment.

    LEASEHOLD_ENDPOINT=http://127.0.0.1:8420 TOOL_SERVER_URL=http://127.0.0.1:9000/mcp \
    LEASEHOLD_OIDC_TOKEN_FILE=/var/run/secrets/leasehold/token python tool_server.py

`POST /tools/<tool>` with the tool's arguments, such as `{"resource": "repo:web"}`, and `Authorization: Bearer <token>`.
The server has an identity of its own, a workload binding with the role viewer: with it, it follows the revocation feed.
"""

from __future__ import annotations

import json
import logging
import os
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from leasehold.model.tools import Action
from leasehold.verify import AccessRefused, Patience, ResourceServer, Verifier

TOOLS = {"read_file": Action.READ, "comment": Action.WRITE}
MAX_BODY_BYTES = 65_536
_log = logging.getLogger("tool_server")


class ToolServer(ThreadingHTTPServer):
    """Serves the tools to whoever the verifier lets in."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], verifier: Verifier) -> None:
        self.verifier = verifier
        super().__init__(address, ToolCall)


class ToolCall(BaseHTTPRequestHandler):
    """One request."""

    server: ToolServer

    def do_POST(self) -> None:
        """Check, then run: a tool never sees a call that it may not answer."""
        tool = self.path.removeprefix("/tools/")
        arguments = self._arguments()
        resource = str(arguments.get("resource", ""))
        try:
            receipt = self.server.verifier.check(self._bearer(), tool, resource, arguments=arguments)
        except AccessRefused as refused:
            _log.warning("refused %s: %s", tool, refused.receipt.refused)
            self._answer(HTTPStatus.FORBIDDEN if refused.error == "insufficient_scope" else HTTPStatus.UNAUTHORIZED)
            return
        _log.info("%s on %s, seq %s, %.0f ms old", tool, resource, receipt.sequence, receipt.staleness_ms)
        self._answer(HTTPStatus.OK, {"tool": tool, "resource": resource, "for": receipt.access.subject})

    def _bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def _arguments(self) -> dict[str, object]:
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            return {}
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def _answer(self, status: HTTPStatus, body: object = None) -> None:
        content = json.dumps(body if body is not None else {"error": status.phrase}).encode()
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing: the log above says more."""


def main() -> None:
    """Serve until interrupted."""
    logging.basicConfig(level=logging.INFO)
    url = os.environ["TOOL_SERVER_URL"]
    resource_server = ResourceServer(
        issuer=os.environ["LEASEHOLD_ENDPOINT"],
        audience=url,
        credential=Path(os.environ["LEASEHOLD_OIDC_TOKEN_FILE"]),
        patience=Patience(tools=TOOLS),
    )
    where = urlsplit(url)
    with (
        resource_server,
        ToolServer((where.hostname or "127.0.0.1", where.port or 9000), resource_server.verifier) as s,
    ):
        s.serve_forever()


if __name__ == "__main__":
    main()
