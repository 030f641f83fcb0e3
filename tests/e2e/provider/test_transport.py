"""The provider's HTTP client on real sockets: TLS is verified, redirects are not followed, nothing hangs or leaks."""

import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from leasehold_provider.client import ConnectionLost, HttpClient, Origin


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: list[object] = []  # noqa: RUF012 -- one service per test

    def do_GET(self):
        self.connections.append(self.client_address)
        getattr(self, f"_{self.path[1:]}")()

    def _ok(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def _redirect(self):
        self._ok(307, Location="http://127.0.0.1:1/elsewhere")

    def _slow(self):
        self.server.released.wait(20)

    def _cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"{")
        self.close_connection = True

    def _hang_up(self):
        self.close_connection = True

    def _nonsense(self):
        self.wfile.write(b"\x16\x03\x01 not HTTP\r\n\r\n")
        self.close_connection = True

    def _many_headers(self):
        self._ok(200, **{f"X-{number}": "x" for number in range(200)})

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def _service(context=None):
    handler = type("Service", (_Service,), {"connections": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.released = threading.Event()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], handler
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()


def _client(port, scheme="http", **options):
    return HttpClient(Origin(f"{scheme}://127.0.0.1:{port}"), **options)


def test_a_connection_is_used_again():
    with _service() as (port, handler):
        client = _client(port)
        assert [client.send("GET", "/ok").status for _ in range(3)] == [200] * 3
        assert len(set(handler.connections)) == 1
        client.close()


@pytest.mark.parametrize("path", ["redirect", "cut", "hang_up", "nonsense", "many_headers"])
def test_whatever_is_no_whole_answer_counts_as_lost(path):
    with _service() as (port, _):
        client = _client(port)
        with pytest.raises(ConnectionLost) as lost:
            client.send("GET", f"/{path}", headers={"Authorization": "Bearer sEcReT"})
        assert "sEcReT" not in str(lost.value)
        assert lost.value.__cause__ is None
        assert client.send("GET", "/ok").status == 200
        client.close()


def test_a_server_that_never_answers_is_given_up():
    with _service() as (port, _), pytest.raises(ConnectionLost):
        _client(port).send("GET", "/slow", timeout=0.2)


def test_a_header_that_would_smuggle_is_never_sent():
    with _service() as (port, handler):
        with pytest.raises(ConnectionLost) as refused:
            _client(port).send("GET", "/ok", headers={"X": "a\r\nX-Evil: 1"})
        assert "Evil" not in str(refused.value)
        assert handler.connections == []


def _certificate(folder, *, name="127.0.0.1", days=1):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    began = datetime.now(UTC) - timedelta(days=2)
    san = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=2 + days))
        .add_extension(x509.SubjectAlternativeName([san]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / f"{name}-{days}.pem", folder / f"{name}-{days}.key"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return str(chain), context


def test_a_certificate_of_the_given_authority_is_accepted(tmp_path):
    chain, context = _certificate(tmp_path)
    with _service(context) as (port, _):
        client = _client(port, "https", ca_file=chain)
        assert client.send("GET", "/ok").status == 200
        client.close()


def test_a_certificate_of_nobody_we_trust_is_refused(tmp_path):
    _, context = _certificate(tmp_path)
    with _service(context) as (port, handler):
        with pytest.raises(ConnectionLost, match="certificate is not accepted"):
            _client(port, "https").send("GET", "/ok")
        assert handler.connections == []


@pytest.mark.parametrize("wrong", [{"name": "other.example.com"}, {"days": -1}])
def test_a_certificate_for_another_name_or_time_is_refused(tmp_path, wrong):
    chain, context = _certificate(tmp_path, **wrong)
    with _service(context) as (port, handler):
        with pytest.raises(ConnectionLost, match="certificate is not accepted"):
            _client(port, "https", ca_file=chain).send("GET", "/ok")
        assert handler.connections == []
