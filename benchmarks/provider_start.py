"""Provider: exec to handshake line, against a bare interpreter (`python -IS -c pass`), taken by turns in one run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.figure import Figure
from leasehold_provider.packaging.archive import ENTRY, PACKAGE, archive_bytes, read_sources
from leasehold_provider.packaging.mirror import write_executable

ROUNDS = 25
_COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"  # go-plugin's, public and fixed


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        provider = Path(scratch) / "terraform-provider-leasehold"
        write_executable(provider, archive_bytes(read_sources(PACKAGE), ENTRY))
        environment = {
            "PATH": os.environ["PATH"],
            "TMPDIR": scratch,
            "LEASEHOLD_PYTHON": sys.executable,
            "TF_PLUGIN_MAGIC_COOKIE": _COOKIE,
            "PLUGIN_PROTOCOL_VERSIONS": "6",
            "PLUGIN_CLIENT_CERT": _client_certificate(),
        }
        _handshake(provider, environment)  # the first start of a build compiles it
        bare, handshake = [], []
        for _ in range(ROUNDS):
            bare.append(_bare(environment))
            handshake.append(_handshake(provider, environment))
    started, nothing = statistics.median(handshake), statistics.median(bare)
    yield Figure("provider_start_ms", started * 1e3, "ms", "python -IS -c pass", started / nothing)
    yield Figure("provider_start_vs_bare_python", started / nothing, "ratio", "python -IS -c pass", started / nothing)


def _bare(environment: dict[str, str]) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-IS", "-c", "pass"], env=environment, check=True)
    return perf_counter() - began


def _handshake(provider: Path, environment: dict[str, str]) -> float:
    began = perf_counter()
    process = subprocess.Popen([str(provider)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    line = process.stdout.readline()
    took = perf_counter() - began
    process.kill()
    process.communicate()
    assert line.startswith(b"1|6|unix|"), line
    return took


def _client_certificate() -> str:
    """What Terraform sends: a self-signed P-521 certificate."""
    key = ec.generate_private_key(ec.SECP521R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA512())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
