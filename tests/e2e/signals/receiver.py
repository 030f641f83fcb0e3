"""A receiver of security events in a process of its own: `python receiver.py ISSUER FILE FAILURES`.

Standard library and PyJWT alone, nothing of ours. It fetches the issuer's keys, verifies each token as a receiver must,
refuses the first FAILURES pushes with 503, and writes the claims of each that it took as one line of FILE. Prints its
port; ends with its standard input.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt

ISSUER, FILE, FAILURES = sys.argv[1], Path(sys.argv[2]), [None] * int(sys.argv[3])
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json")
AUDIENCES: list[str] = []
LOCK = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    """One push a request (RFC 8935 §2)."""

    def do_POST(self) -> None:
        """Take a token, or say why not."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        with LOCK:
            if FAILURES:
                FAILURES.pop()
                self._answer(503)
                return
            error = self._take(body)
        self._answer(400 if error else 202, error)

    def _take(self, body: str) -> str:
        if self.headers["authorization"] != "Bearer receivers-own":
            return "authentication_failed"
        if self.headers["content-type"] != "application/secevent+jwt":
            return "invalid_request"
        if jwt.get_unverified_header(body)["typ"] != "secevent+jwt":
            return "invalid_request"
        try:
            key = KEYS.get_signing_key_from_jwt(body)
            options = {"verify_aud": False, "require": ["iss", "jti", "iat", "aud"]}
            claims = jwt.decode(body, key, algorithms=["ES256"], issuer=ISSUER, options=options, leeway=5)
        except jwt.PyJWTError:
            return "invalid_key"
        with FILE.open("a") as file:
            file.write(json.dumps(claims) + "\n")
        return ""

    def _answer(self, status: int, error: str = "") -> None:
        body = json.dumps({"err": error, "description": "no"}).encode() if error else b""
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: standard error is the test's."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()
