"""Our HTTP/2 and gRPC against the real grpcio: many threads, large messages, cancellations, TLS on both transports."""

import random
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from struct import pack
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.fakes.terraform_workspace import until

from leasehold_provider.protocol.grpc.server import INLINE, POOLED, HeldMethod, Method, StreamingMethod
from leasehold_provider.protocol.grpc.status import CallError
from leasehold_provider.protocol.grpc.workers import Workers
from leasehold_provider.protocol.http2.limits import MAX_MESSAGE_BYTES
from leasehold_provider.protocol.plugin.acceptor import Acceptor
from leasehold_provider.protocol.plugin.certificate import Certificate, make_certificate
from leasehold_provider.protocol.plugin.channel import PlainChannel, mutual_tls
from leasehold_provider.protocol.plugin.environment import COOKIE, COOKIE_NAME, PluginEnvironment
from leasehold_provider.protocol.plugin.lifetime import DebugLifetime
from leasehold_provider.protocol.plugin.listener import Listener, listen


def _refuse(message: bytes) -> bytes:
    raise CallError(3, f"100% ünfit {message.decode()}")


def _break(message: bytes) -> bytes:
    raise ValueError(f"hunter2 {message!r}")


class Counter:
    """Yields numbers and notes when it is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def numbers(self, message: bytes) -> Iterator[bytes]:
        try:
            for number in range(int(message)):
                yield b"%08d" % number + b"x" * 2000
        finally:
            self.closed.set()


def client_certificate(curve: ec.EllipticCurve) -> tuple[bytes, bytes]:
    """Make a self-signed client certificate as Terraform does; return certificate and key as PEM."""
    key = ec.generate_private_key(curve)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)  # noqa: UP017
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
    )


class Served:
    """A server of test methods, in the clear or with mutual TLS, on a Unix socket or TCP."""

    def __init__(self, folder: Path, transport: str) -> None:
        environment = PluginEnvironment({"TMPDIR": str(folder)}, "win32" if "tcp" in transport else "linux")
        self.counter = Counter()
        self.own: Certificate = make_certificate()
        self.client, self.client_key = client_certificate(ec.SECP256R1())
        self.listener: Listener = listen(environment)
        self.is_secure = "tls" in transport
        methods = {
            b"/t/Echo": Method(lambda message: message, INLINE),
            b"/t/Slow": Method(lambda message: message, POOLED),
            b"/t/Refuse": Method(_refuse, INLINE),
            b"/t/Break": Method(_break, POOLED),
            b"/t/Count": StreamingMethod(self.counter.numbers),
            b"/t/Hold": HeldMethod(),
        }
        secure: Any = mutual_tls(self.own, self.client.decode()) if self.is_secure else PlainChannel
        self.acceptor = Acceptor(self.listener, secure, methods, Workers(), DebugLifetime())
        self.acceptor.start()

    @property
    def target(self) -> str:
        return f"unix://{self.listener.address}" if self.listener.network == "unix" else self.listener.address

    def channel(self) -> grpc.Channel:
        """Connect with grpcio."""
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        if not self.is_secure:
            return grpc.insecure_channel(self.target, options)
        root = ssl.DER_cert_to_PEM_cert(self.own.der).encode()
        credentials = grpc.ssl_channel_credentials(root, self.client_key, self.client)
        return grpc.secure_channel(self.target, credentials, [*options, ("grpc.ssl_target_name_override", "localhost")])


@contextmanager
def serving(folder: Path, transport: str) -> Iterator[Served]:
    """Serve for the length of a test."""
    served = Served(folder, transport)
    try:
        yield served
    finally:
        served.listener.remove()


@pytest.fixture(params=["unix", "unix tls", "tcp tls"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """Serve on every transport."""
    with serving(tmp_path, request.param) as server:
        yield server


def test_many_threads_exchange_messages_of_every_size_and_cancel_some(served: Served) -> None:
    failures: list[BaseException] = []

    def work(channel: grpc.Channel, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 -- repeatable, not secret
        calls = [channel.unary_unary("/t/Echo"), channel.unary_unary("/t/Slow")]
        try:
            for _ in range(25):
                message = dice.randbytes(dice.choice([0, 1, 100, 5000, 70_000, 300_000]))
                future = dice.choice(calls).future(message, timeout=30)
                if dice.random() < 0.15:
                    future.cancel()
                else:
                    assert future.result() == message
        except BaseException as failure:  # noqa: BLE001 -- told to the main thread
            failures.append(failure)

    with served.channel() as channel:
        threads = [threading.Thread(target=work, args=(channel, seed)) for seed in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_a_large_message_crosses_every_window_both_ways(served: Served) -> None:
    message = random.Random(1).randbytes(12 << 20)  # noqa: S311 -- as above;  # more than a stream's window
    with served.channel() as channel:
        for method in ("/t/Echo", "/t/Slow"):
            assert channel.unary_unary(method)(message, timeout=30) == message


def test_a_stream_of_answers_arrives_in_order_and_waits_for_the_reader(served: Served) -> None:
    with served.channel() as channel:
        answers = list(channel.unary_stream("/t/Count")(b"3000", timeout=30))
    assert [int(answer[:8]) for answer in answers] == list(range(3000))


def test_a_stream_nobody_reads_any_more_is_abandoned(served: Served) -> None:
    with served.channel() as channel:
        answers = channel.unary_stream("/t/Count")(b"100000000", timeout=30)
        assert next(answers)[:8] == b"00000000"
        answers.cancel()
        assert served.counter.closed.wait(20)


def test_a_held_stream_stays_open_beside_other_calls(served: Served) -> None:
    with served.channel() as channel:
        held = channel.unary_stream("/t/Hold")(b"")
        assert channel.unary_unary("/t/Echo")(b"x", timeout=10) == b"x"
        assert held.is_active()
        held.cancel()


def test_failures_become_statuses_without_values(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    with served.channel() as channel:
        for method, code, text in (
            ("/t/Refuse", grpc.StatusCode.INVALID_ARGUMENT, "100% ünfit x"),
            ("/t/Break", grpc.StatusCode.INTERNAL, "internal error"),
            ("/t/Gone", grpc.StatusCode.UNIMPLEMENTED, "no such method"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(method)(b"x", timeout=10)
            assert caught.value.code() == code
            assert caught.value.details() == text
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/t/Echo")(b"x" * 100, timeout=10, compression=grpc.Compression.Gzip)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "hunter2" not in capfd.readouterr().err


def test_a_message_beyond_the_limit_is_refused_and_the_connection_lives(tmp_path: Path) -> None:
    with serving(tmp_path, "unix") as served, served.channel() as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/t/Echo")(bytes(MAX_MESSAGE_BYTES + 100), timeout=60)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert channel.unary_unary("/t/Echo")(b"x", timeout=10) == b"x"


@pytest.mark.parametrize("who", ["nobody", "a stranger", "a stranger of the same name"])
def test_a_peer_without_the_right_certificate_is_not_served(tmp_path: Path, who: str) -> None:
    with serving(tmp_path, "tcp tls") as served:
        context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(served.own.der))
        if who != "nobody":
            certificate, key = client_certificate(ec.SECP521R1() if who == "a stranger" else ec.SECP256R1())
            (tmp_path / "client.pem").write_bytes(certificate + key)
            context.load_cert_chain(tmp_path / "client.pem")
        host, port = served.listener.address.split(":")
        with closing(socket.create_connection((host, int(port)), timeout=10)) as sock:

            def speak() -> bytes:
                with context.wrap_socket(sock, server_hostname="localhost") as tls:
                    tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
                    return tls.recv(100)

            with pytest.raises((ssl.SSLError, ConnectionError)):
                speak()


def test_a_client_key_on_p521_as_terraform_has_is_served(tmp_path: Path) -> None:
    with serving(tmp_path, "unix") as served:
        certificate, key = client_certificate(ec.SECP521R1())
        secure = mutual_tls(served.own, certificate.decode())
        (tmp_path / "client.pem").write_bytes(certificate + key)
        context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(served.own.der))
        context.load_cert_chain(tmp_path / "client.pem")
        context.set_alpn_protocols(["h2"])
        ours, theirs = socket.socketpair()
        channel = secure(ours)
        greeted = threading.Thread(target=channel.start, daemon=True)
        greeted.start()
        with context.wrap_socket(theirs, server_hostname="localhost") as tls:
            greeted.join(10)
            channel.send(b"hello")
            assert tls.recv(10) == b"hello"
            assert tls.selected_alpn_protocol() == "h2"
            tls.sendall(b"and back")
            assert channel.receive() == b"and back"
        channel.close()


def test_more_connections_than_anybody_needs_are_turned_away(tmp_path: Path) -> None:
    with serving(tmp_path, "unix") as served:
        peers = []
        for _ in range(17):
            peer = socket.socket(socket.AF_UNIX)
            peers.append(peer)
            peer.connect(served.listener.address)
            peer.settimeout(10)
        assert peers[-1].recv(10) == b""
        for peer in peers:
            peer.close()


def test_a_malformed_frame_gets_a_farewell(tmp_path: Path) -> None:
    with serving(tmp_path, "unix") as served, closing(socket.socket(socket.AF_UNIX)) as peer:
        peer.settimeout(10)
        peer.connect(served.listener.address)
        peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + pack(">HBBBI", 0, 0, 0, 0, 1))
        received = b""
        while piece := peer.recv(1000):
            received += piece
        assert received.endswith(b"first frame is not SETTINGS")  # GOAWAY with its reason, and then the end


def test_a_process_nobody_connects_to_ends_with_its_parent(tmp_path: Path) -> None:
    certificate, _ = client_certificate(ec.SECP256R1())
    sample = Path(__file__).parents[2] / "fakes" / "sample_provider.py"
    script = (
        "import subprocess,sys\n"
        "child = subprocess.Popen([sys.executable, '-S', sys.argv[1]], stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(sample)],
        env={
            "PYTHONPATH": str(Path(__file__).parents[3] / "provider"),
            COOKIE_NAME: COOKIE,
            "PLUGIN_PROTOCOL_VERSIONS": "5,6",
            "PLUGIN_CLIENT_CERT": certificate.decode(),
            "SAMPLE_STORE": str(tmp_path),
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    pid, line = done.stdout.split(" ", 1)
    assert line.startswith(f"1|6|unix|{tmp_path}/plugin")
    process = Path(f"/proc/{pid}")

    until(lambda: not process.exists(), "the provider outlives its parent")
    assert list(tmp_path.glob("plugin*")) == []
