"""Our own keys: made once, shared by replicas, rotated without a gap, never shown."""

import asyncio
import json
import os
import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from moto import mock_aws

from leasehold.keys.file_keys import FileKeys, UnsafeKeyFile
from leasehold.keys.key_ring import TRUSTED_AFTER_RETIREMENT, InvalidKeyRing, KeyRing, dump_ring, load_ring
from leasehold.keys.kms_keys import KmsKeys, UnusableKmsKey, open_kms
from leasehold.keys.signing import TokenMint, jwk_set, raw_signature
from leasehold.keys.tokens import OwnTokens
from leasehold.model.errors import Unavailable
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedToken

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLAIMS = {"iss": "https://us.example", "sub": "s", "aud": "a", "iat": int(NOW.timestamp())}
CLAIMS["exp"] = CLAIMS["iat"] + 300
PROFILE = TokenProfile(
    issuer="https://us.example",
    audiences=frozenset({"a"}),
    algorithms=frozenset({"ES256"}),
    types=frozenset({"at+jwt"}),
    required=frozenset(),
    max_ttl=timedelta(seconds=300),
)


def minted(signer) -> str:
    return asyncio.run(TokenMint(signer).sign(CLAIMS))


def accepts(signer, token) -> bool:
    try:
        return OwnTokens(signer).verify(UnverifiedToken(token), PROFILE, NOW).subject == "s"
    except TokenRefused as refused:
        if refused.flaw is not Flaw.UNKNOWN_KEY:
            raise
        return False


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


def test_the_first_start_makes_keys_that_only_the_owner_may_read(folder):
    FileKeys(folder, NOW)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "signing-keys.json": 0o600,
        ".lock": 0o600,
    }


def test_a_second_start_finds_the_same_keys(folder):
    first = FileKeys(folder, NOW)

    assert FileKeys(folder, NOW).published().keys() == first.published().keys()
    assert FileKeys(folder, NOW).key_id == first.key_id


def test_replicas_that_start_together_agree_on_one_key(folder):
    found: list[str] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait()
        found.append(FileKeys(folder, NOW).key_id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_token_verifies_with_a_published_key_in_any_library(folder):
    signer = FileKeys(folder, NOW)
    token = minted(signer)
    published = jwt.PyJWKSet.from_dict(jwk_set(signer.published()))
    key = published[jwt.get_unverified_header(token)["kid"]]
    options = {"verify_exp": False, "verify_iat": False}

    assert jwt.decode(token, key, algorithms=["ES256"], audience="a", options=options) == CLAIMS
    assert accepts(signer, token)


def test_what_was_verified_once_still_expires(folder):
    signer = FileKeys(folder, NOW)
    own, token = OwnTokens(signer), UnverifiedToken(minted(signer))
    first = own.verify(token, PROFILE, NOW)
    assert own.verify(token, PROFILE, NOW + timedelta(seconds=299)) is first

    for later in (300, 3000):
        with pytest.raises(TokenRefused) as refused:
            own.verify(token, PROFILE, NOW + timedelta(seconds=later))
        assert refused.value.flaw is Flaw.EXPIRED


def test_what_was_verified_for_one_audience_is_not_for_another(folder):
    signer = FileKeys(folder, NOW)
    own, token = OwnTokens(signer), UnverifiedToken(minted(signer))
    own.verify(token, PROFILE, NOW)

    with pytest.raises(TokenRefused) as refused:
        own.verify(token, replace(PROFILE, audiences=frozenset({"b"})), NOW)
    assert refused.value.flaw is Flaw.WRONG_AUDIENCE


def test_what_was_verified_is_forgotten_with_its_key(folder):
    signer = FileKeys(folder, NOW)
    own, token = OwnTokens(signer), UnverifiedToken(minted(signer))
    own.verify(token, PROFILE, NOW)
    signer.rotate(NOW)
    signer.rotate(NOW + TRUSTED_AFTER_RETIREMENT)

    with pytest.raises(TokenRefused) as refused:
        own.verify(token, PROFILE, NOW)
    assert refused.value.flaw is Flaw.UNKNOWN_KEY


def test_what_is_kept_of_verified_tokens_is_bounded(folder, monkeypatch):
    monkeypatch.setattr("leasehold.keys.tokens._KEPT", 3)
    signer = FileKeys(folder, NOW)
    own = OwnTokens(signer)
    for _ in range(10):
        own.verify(UnverifiedToken(minted(signer)), PROFILE, NOW)

    assert len(own._verified) <= 3


def test_published_keys_are_public_ones_for_signatures(folder):
    keys = jwk_set(FileKeys(folder, NOW).published())["keys"]

    assert len(keys) == 2
    assert {frozenset(key) for key in keys} == {frozenset({"kty", "crv", "x", "y", "kid", "use", "alg"})}
    assert all(jwt.PyJWK(key).key_id == key["kid"] for key in keys)


def test_rotation_leaves_no_gap(folder):
    signer = FileKeys(folder, NOW)
    published = set(signer.published())
    old, before = signer.key_id, minted(signer)
    signer.rotate(NOW)

    assert signer.key_id in published - {old}
    assert old in signer.published()
    assert accepts(signer, before)
    assert accepts(signer, minted(signer))


def test_a_retired_key_is_forgotten_when_no_token_of_it_can_live(folder):
    signer = FileKeys(folder, NOW)
    before = minted(signer)
    signer.rotate(NOW)
    signer.rotate(NOW + TRUSTED_AFTER_RETIREMENT - timedelta(seconds=1))
    assert accepts(signer, before)
    signer.rotate(NOW + TRUSTED_AFTER_RETIREMENT)

    assert not accepts(signer, before)


def test_another_replica_sees_a_rotation(folder):
    one, other = FileKeys(folder, NOW), FileKeys(folder, NOW)
    one.rotate(NOW)

    assert other.key_id == one.key_id
    assert other.published().keys() == one.published().keys()
    assert accepts(other, minted(one))
    one.rotate(NOW)
    assert other.published().keys() == one.published().keys()


def test_keys_rotate_by_age(folder):
    signer = FileKeys(folder, NOW)
    first = signer.key_id
    day = timedelta(days=1)

    assert not signer.rotate_when_due(NOW + day - timedelta(seconds=1))
    assert signer.key_id == first
    assert signer.rotate_when_due(NOW + day)
    assert signer.key_id != first
    assert not signer.rotate_when_due(NOW + day)


def test_key_files_that_others_may_read_are_refused(folder):
    FileKeys(folder, NOW)
    (folder / "signing-keys.json").chmod(0o640)
    with pytest.raises(UnsafeKeyFile):
        FileKeys(folder, NOW)
    (folder / "signing-keys.json").chmod(0o600)
    folder.chmod(0o755)
    with pytest.raises(UnsafeKeyFile):
        FileKeys(folder, NOW)


def test_a_write_that_fails_leaves_the_old_keys_and_nothing_else(folder, monkeypatch):
    signer = FileKeys(folder, NOW)
    before = (folder / "signing-keys.json").read_bytes()

    def full(_descriptor):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            signer.rotate(NOW)

    assert (folder / "signing-keys.json").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "signing-keys.json"]
    assert accepts(signer, minted(signer))


def test_no_key_material_shows(folder):
    signer = FileKeys(folder, NOW)
    ring = load_ring((folder / "signing-keys.json").read_bytes())

    assert "PrivateKey" not in repr(ring) + repr(signer) + repr(TokenMint(signer)) + repr(OwnTokens(signer))
    assert repr(signer) == f"FileKeys({signer.key_id})"


def test_a_ring_survives_its_file():
    ring = KeyRing.new(NOW).rotated(NOW)
    copy = load_ring(dump_ring(ring))

    assert [(k.key_id, k.created_at, k.retired_at) for k in copy.keys] == [
        (k.key_id, k.created_at, k.retired_at) for k in ring.keys
    ]
    assert copy.rotated_at == ring.rotated_at


def _ring_with(private) -> bytes:
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = {"created_at": NOW.isoformat(), "retired_at": None, "private": pem.decode()}
    return json.dumps({"rotated_at": NOW.isoformat(), "keys": [key, key]}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [{}, {}]}',
        b'{"keys": [1, 2]}',
        b'{"keys": [{"private": null, "created_at": "x", "retired_at": null}]}',
        _ring_with(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=range(8),
)
def test_a_file_that_is_no_ring_is_refused(text):
    with pytest.raises(InvalidKeyRing):
        load_ring(text)


def test_small_numbers_are_padded_in_a_raw_signature():
    assert raw_signature(encode_dss_signature(1, 2)) == bytes(31) + b"\1" + bytes(31) + b"\2"


@pytest.fixture
def kms(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("kms")


def kms_key(kms, spec="ECC_NIST_P256", usage="SIGN_VERIFY") -> str:
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


def test_a_kms_key_signs_what_its_public_half_verifies(kms):
    signer = open_kms([kms_key(kms)])

    assert accepts(signer, minted(signer))
    assert repr(signer) == f"KmsKeys({signer.key_id})"
    assert list(signer.published()) == [signer.key_id]


def test_a_kms_key_can_be_announced_then_swapped_in(kms):
    first, second = kms_key(kms), kms_key(kms)
    before, after = KmsKeys(kms, [first, second]), KmsKeys(kms, [second, first])

    assert before.published().keys() == after.published().keys()
    assert before.key_id != after.key_id
    assert accepts(after, minted(before))
    assert accepts(before, minted(after))


def test_a_kms_key_of_another_kind_is_refused(kms):
    for spec in ("ECC_NIST_P384", "RSA_2048"):
        with pytest.raises(UnusableKmsKey):
            KmsKeys(kms, [kms_key(kms, spec)])


def test_a_kms_that_does_not_answer_issues_nothing(kms):
    with pytest.raises(Unavailable):
        KmsKeys(kms, ["no-such-key"])
    key = kms_key(kms)
    signer = KmsKeys(kms, [key])
    kms.disable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(Unavailable):
        KmsKeys(kms, ["also-none"])
    signer._kms_key_ids = dict.fromkeys(signer._kms_key_ids, "gone")
    with pytest.raises(Unavailable):
        minted(signer)


class DigestKms:
    """KMS for messages over its limit, which moto does not imitate: it hashes a digest once more."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())

    def get_public_key(self, KeyId):  # noqa: ARG002, N803  boto3's name
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return {"PublicKey": self.private.public_key().public_bytes(encoding, form)}

    def sign(self, *, KeyId, Message, MessageType, SigningAlgorithm):  # noqa: ARG002, N803  boto3's names
        assert (MessageType, SigningAlgorithm, len(Message)) == ("DIGEST", "ECDSA_SHA_256", 32)
        return {"Signature": self.private.sign(Message, ec.ECDSA(Prehashed(hashes.SHA256())))}


def test_a_token_over_the_limit_of_kms_is_signed_by_its_digest():
    signer = KmsKeys(DigestKms(), ["k"])
    token = asyncio.run(TokenMint(signer).sign({**CLAIMS, "padding": "x" * 4096}))

    assert accepts(signer, token)


@pytest.mark.parametrize("broken", [None, b"{", b"[]"])
def test_keys_that_cannot_be_read_any_more_sign_nothing_until_they_can(folder, broken):
    signer = FileKeys(folder, NOW)
    before, [file] = signer.key_id, list(folder.glob("*.json"))
    kept = file.read_bytes()
    if broken is None:
        file.unlink()
    else:
        file.write_bytes(broken)

    for _ in range(2):  # the second look is not taken in by the first
        with pytest.raises(Unavailable):
            _ = signer.key_id
        with pytest.raises(Unavailable):
            signer.published()

    file.write_bytes(kept)
    file.chmod(0o600)
    assert signer.key_id == before
