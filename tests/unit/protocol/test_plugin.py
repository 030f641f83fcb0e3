"""The handshake's parts: environment, certificate, end of life."""

import ast
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from leasehold_provider.protocol.plugin import p256
from leasehold_provider.protocol.plugin.certificate import make_certificate
from leasehold_provider.protocol.plugin.environment import (
    COOKIE,
    COOKIE_NAME,
    NotAPlugin,
    PluginEnvironment,
    read_environment,
)
from leasehold_provider.protocol.plugin.lifetime import ORPHAN_SECONDS, SHUTDOWN_SECONDS, DebugLifetime, Lifetime
from leasehold_provider.protocol.plugin.listener import listen

_GOOD = {COOKIE_NAME: COOKIE, "PLUGIN_PROTOCOL_VERSIONS": "5,6", "PLUGIN_CLIENT_CERT": "pem"}


def test_the_certificate_is_what_terraform_asks_for() -> None:
    made = make_certificate()
    certificate = x509.load_der_x509_certificate(made.der)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.version is x509.Version.v3
    assert certificate.subject == certificate.issuer
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_cert_sign
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ]
    now = datetime.now(timezone.utc)  # noqa: UP017
    assert certificate.not_valid_before_utc < now - timedelta(minutes=30)
    assert certificate.not_valid_after_utc > now + timedelta(days=7)


def test_the_private_key_belongs_to_the_certificate_and_stays_out_of_the_repr() -> None:
    made = make_certificate()
    key = serialization.load_pem_private_key(made.pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == x509.load_pem_x509_certificate(made.pem).public_key()
    assert repr(made) == "Certificate(…)"
    assert make_certificate().der != made.der


@settings(max_examples=15, deadline=None)
@given(st.integers(1, p256.ORDER - 1), st.binary(max_size=50))
def test_points_and_signatures_agree_with_openssl(private_key: int, message: bytes) -> None:
    theirs = ec.derive_private_key(private_key, ec.SECP256R1()).public_key()
    numbers = theirs.public_numbers()
    assert p256.public_point(private_key) == (numbers.x, numbers.y)
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415

    theirs.verify(encode_dss_signature(*p256.sign(private_key, message)), message, ec.ECDSA(hashes.SHA256()))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.integers(1, p256.ORDER - 1), st.sampled_from([1, 2, 16, 2**252, p256.ORDER - 1, p256.ORDER - 2])))
def test_a_table_of_multiples_gives_the_points_that_are_had_without(scalar: int) -> None:
    base = p256._Base()
    base.uses = p256._FEW  # it is multiplied often
    base.rows = _ROWS
    for _ in range(2):  # blinded anew each time
        x, y, z = base.times(scalar)
        inverse = pow(z, -1, p256.FIELD)
        numbers = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
        assert (x * inverse**2 % p256.FIELD, y * inverse**3 % p256.FIELD) == (numbers.x, numbers.y)


_ROWS = p256._table()


@pytest.mark.parametrize("scalar", [1, 2, 3, 15, 16, 17, p256.ORDER - 1, p256.ORDER - 2])
def test_the_edges_of_the_curve_agree_with_openssl(scalar: int) -> None:
    numbers = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
    assert p256.public_point(scalar) == (numbers.x, numbers.y)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({COOKIE_NAME: "other"}, "run by hand"),
        ({COOKIE_NAME: ""}, "run by hand"),
        ({"PLUGIN_PROTOCOL_VERSIONS": "4,5"}, "offers 4, 5"),
        ({"PLUGIN_CLIENT_CERT": ""}, "does not prove who they are"),
    ],
)
def test_a_start_that_cannot_become_a_plugin_says_why(change: dict[str, str], complaint: str) -> None:
    with pytest.raises(NotAPlugin, match=complaint):
        read_environment({**_GOOD, **change}, "linux")


def test_the_environment_chooses_folder_and_ports() -> None:
    read = read_environment({**_GOOD, "PLUGIN_MIN_PORT": "20000", "PLUGIN_MAX_PORT": "x", "TMPDIR": "/t"}, "win32")
    assert (read.min_port, read.max_port, read.socket_dir, read.use_tcp) == (20000, 25000, "/t", True)
    assert PluginEnvironment({"PLUGIN_UNIX_SOCKET_DIR": "/s", "TMPDIR": "/t"}, "linux").socket_dir == "/s"
    assert not PluginEnvironment({}, "darwin").use_tcp


def test_the_end_comes_after_the_answer_to_shutdown_was_written() -> None:
    lifetime = Lifetime(os.getppid())
    lifetime.connected()
    lifetime.flushed()
    assert not lifetime._is_over()
    lifetime.request_end()
    assert not lifetime._is_over()
    lifetime.flushed()
    assert lifetime.wait() == SHUTDOWN_SECONDS


def test_without_a_parent_the_end_is_at_once_but_not_while_somebody_is_connected() -> None:
    lifetime = Lifetime(parent=0)
    lifetime.connected()
    assert not lifetime._is_over()
    lifetime.disconnected()
    assert lifetime.wait() == ORPHAN_SECONDS


def test_a_debug_run_tidies_up_between_two_terraforms_and_stays() -> None:
    lifetime, tidied = DebugLifetime(), []
    lifetime.when_alone(lambda: tidied.append(True))
    lifetime.connected()
    lifetime.request_end()
    lifetime.flushed()
    lifetime.disconnected()
    assert tidied == [True]
    assert not lifetime._is_over()
    lifetime.end()
    assert lifetime.wait() == ORPHAN_SECONDS


def test_the_handshake_waits_for_no_heavy_module() -> None:
    # What follows the handshake line may import these; what precedes it must not (each costs milliseconds).
    heavy = (
        "re json typing dataclasses logging ssl threading queue inspect decimal datetime http asyncio pathlib tempfile"
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from leasehold_provider.protocol import serve\n"
        "import leasehold_provider.protocol.plugin.process\n"
        "print(' '.join(sorted(set(sys.argv[2].split()) & set(sys.modules))))"
    )
    provider = Path(__file__).parents[3] / "provider"
    done = subprocess.run(
        [sys.executable, "-IS", "-c", script, str(provider), heavy], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_only_public_modules_of_the_standard_library_are_imported() -> None:

    protocol = Path(__file__).parents[3] / "provider" / "leasehold_provider" / "protocol"
    imported = set()
    for path in protocol.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module)
    foreign = {
        name
        for name in imported
        if not name.startswith("leasehold_provider.protocol")
        and (name.split(".")[0] not in sys.stdlib_module_names or (name.startswith("_") and name != "__future__"))
    }
    assert foreign == set()


def test_a_temporary_folder_too_deep_for_a_socket_is_not_used(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    listener = listen(read_environment({**_GOOD, "TMPDIR": str(deep)}, "linux"))
    try:
        assert not list(deep.iterdir())
        assert Path(listener.address).parent.stat().st_mode & 0o777 == 0o700
    finally:
        listener.remove()
    assert not Path(listener.address).parent.exists()
