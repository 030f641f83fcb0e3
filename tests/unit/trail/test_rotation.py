"""One key follows another: whoever trusts the first can trust the next, and nobody can bring the first one back."""

import io
import json
from base64 import b64decode, b64encode

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.fakes.trail_world import NAME, TrailWorld, event
from tests.unit.trail.test_faults import settings

from leasehold.cli.session import Session
from leasehold.cli.verifying import verify_files
from leasehold.keys.kms_keys import UnusableKmsKey
from leasehold.keys.trail_keys import KmsTrailKey, TrailKey, open_trail_key
from leasehold.model.errors import Unavailable
from leasehold.model.trail.checkpoints import TreeHead
from leasehold.settings import InvalidSetting
from leasehold.store.sql_store import open_store
from leasehold.trail.rotating import rotate
from leasehold.trail.sealing import Sealer
from leasehold.trail_wiring import AnotherTrailKey, trail_doors
from leasehold.verify.trail import TrailKeyring, UnbelievableNote, verify_trail
from leasehold.verify.trail.lines import read_line


@pytest.fixture
def world(tmp_path):
    """Ten events under the first key, the change of keys, ten under the next."""
    made = TrailWorld(tmp_path)
    made.first, made.next = made.key, TrailKey(tmp_path / "next.key", NAME)
    made.grow(10)
    rotate(made.store, made.first, made.next, lambda: made.now)
    made.old_sealer, made.sealer = made.sealer, Sealer(made.store, made.next, lambda: made.now)
    made.grow(10)
    return made


def verify(lines, *keys, known=()):
    return verify_trail([lines], TrailKeyring("\n".join(key.verifier_key for key in keys)), known)


def test_the_first_key_is_enough_to_verify_what_its_successors_signed(world):
    found = verify(world.export(), world.first)
    assert (found.whole, found.rotations, found.end) == (True, 1, 21)
    assert verify(world.export(), world.first, world.next).whole


def test_the_next_key_alone_proves_what_it_signed_and_no_more(world):
    assert verify(world.export(11), world.next).whole
    assert verify(world.export(), world.next).problems[0].what == "the checkpoint is not signed with the key"


def test_the_change_is_an_event_that_the_first_key_signed(world):
    lines = world.export()
    at = next(at for at, line in enumerate(lines) if b'"rotate-key"' in line)
    said = json.loads(lines[at])["record"]["detail"]
    assert said == {"from": world.first.verifier_key, "to": world.next.verifier_key}
    note = json.loads(lines[at + 1])["checkpoint"]
    assert verify(lines, world.first, known=(note,)).whole


def test_a_checkpoint_of_the_next_key_is_known_through_the_first(world):
    last = world.checkpoints()[-1]
    assert verify(world.export(), world.first, known=(last,)).whole
    cut = verify(world.export(0, 11), world.first, known=(last,))
    assert "cut off" in cut.problems[0].what


def test_a_known_checkpoint_that_no_key_of_the_trail_signed_is_refused(world, tmp_path):
    note = TrailKey(tmp_path / "stranger.key", NAME).checkpoint(21, bytes(32))
    with pytest.raises(UnbelievableNote, match="not signed"):
        verify(world.export(), world.first, known=(note,))


def test_a_key_that_was_followed_signs_nothing_more(world):
    lines = world.export()
    world.grow(3)
    last = world.export()[-1]
    head = json.loads(last)["checkpoint"].split("\n")
    forged = world.first.checkpoint(int(head[1]), b64decode(head[2]))
    found = verify([*world.export()[:-1], json.dumps({"checkpoint": forged}).encode() + b"\n"], world.first)
    assert found.problems[0].what == "the checkpoint is not signed with the key"
    assert found.first_bad == 21
    assert verify(lines, world.first).whole


def test_whoever_has_not_the_key_names_no_successor(world, tmp_path):
    stranger = TrailWorld(tmp_path / "other")
    evil = stranger.key
    stranger.grow(10)
    rotate(stranger.store, evil, evil, lambda: stranger.now)
    lines = stranger.export()
    assert not verify(lines, world.first).whole
    mixed = [line for line in lines if not line.startswith(b'{"checkpoint"')]
    assert not verify(mixed, world.first).whole


def test_a_server_that_has_the_old_key_neither_seals_nor_signs(world):
    before = world.checkpoints()
    world.write(event(99))
    world.old_sealer.catch_up()
    assert world.checkpoints() == before
    world.sealer.catch_up()
    assert verify(world.export(), world.first).whole


def test_a_server_starts_with_the_next_key_if_it_has_the_one_before(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    world = TrailWorld(tmp_path)
    started = lambda **more: trail_doors(settings(tmp_path, **more), store, lambda: world.now).close()  # noqa: E731
    started()
    first, following = f"file:{tmp_path / 'audit.key'}", f"file:{tmp_path / 'next.key'}"
    with pytest.raises(AnotherTrailKey, match="LEASEHOLD_AUDIT_KEY_BEFORE"):
        started(LEASEHOLD_AUDIT_KEY=following)
    started(LEASEHOLD_AUDIT_KEY=following, LEASEHOLD_AUDIT_KEY_BEFORE=first)
    started(LEASEHOLD_AUDIT_KEY=following, LEASEHOLD_AUDIT_KEY_BEFORE=first)
    started(LEASEHOLD_AUDIT_KEY=following)
    with pytest.raises(AnotherTrailKey):
        started()
    with store.read() as unit:
        assert [one.event.action for one in unit.audit.list(kind="audit-trail")] == ["rotate-key"]
    store.close()


@pytest.mark.parametrize("text", ["audit.key", "file:", "kms:", "s3:x"])
def test_a_key_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(InvalidSetting, match="LEASEHOLD_AUDIT_KEY must"):
        settings(tmp_path, LEASEHOLD_AUDIT_KEY=text)


def test_the_command_line_tells_of_the_change(world, tmp_path):
    (tmp_path / "trail").write_bytes(b"".join(world.export()))
    out = io.StringIO()
    session = Session({}, out, io.StringIO(), None)
    assert verify_files(session, [tmp_path / "trail"], world.first.verifier_key, [], as_json=False) == 0
    assert "1 changes of the key" in out.getvalue()


class Kms:
    """A client whose calls botocore holds to the service's own description, with a real key behind it."""

    def __init__(self, private=None):
        self.private = private or Ed25519PrivateKey.generate()
        self.client = boto3.client("kms", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
        self.stub = Stubber(self.client)
        self.stub.activate()
        public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.stub.add_response("get_public_key", {"PublicKey": public}, {"KeyId": "alias/audit"})

    def key(self):
        return KmsTrailKey(self.client, "alias/audit", NAME)

    def will_sign(self, text):
        asked = {
            "KeyId": "alias/audit",
            "Message": text.encode(),
            "MessageType": "RAW",
            "SigningAlgorithm": "ED25519_SHA_512",
        }
        self.stub.add_response("sign", {"Signature": self.private.sign(text.encode())}, asked)


def test_a_key_of_kms_signs_what_any_verifier_reads(world):
    kms = Kms()
    key = kms.key()
    root = bytes(range(32))
    kms.will_sign(TreeHead(NAME, 7, root).text())
    note = key.checkpoint(7, root)
    line = b'{"checkpoint":%b}\n' % json.dumps(note).encode()
    assert b64encode(root).decode() in note
    assert TrailKeyring(key.verifier_key).signed(verify_note(line))
    assert "private" not in repr(key).lower()


def verify_note(line):
    return read_line(1, line.rstrip())


def test_a_key_of_kms_that_does_not_answer_signs_nothing(world):
    kms = Kms()
    key = kms.key()
    kms.stub.add_client_error("sign", "KMSInternalException")
    with pytest.raises(Unavailable, match="no checkpoint was signed"):
        key.checkpoint(7, bytes(32))
    kms.stub.add_client_error("get_public_key", "NotFoundException")
    with pytest.raises(Unavailable):
        kms.key()


def test_a_key_of_kms_of_another_kind_is_refused():
    with pytest.raises(UnusableKmsKey, match="ECC_NIST_EDWARDS25519"):
        Kms(generate_private_key(SECP256R1())).key()


def test_a_key_is_opened_by_where_it_is(tmp_path, monkeypatch):
    assert isinstance(open_trail_key(f"file:{tmp_path / 'a.key'}", NAME), TrailKey)
    kms = Kms()
    monkeypatch.setattr(boto3, "client", lambda _: kms.client)
    assert isinstance(open_trail_key("kms:alias/audit", NAME), KmsTrailKey)
