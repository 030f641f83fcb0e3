"""Secrets of connections: shut for one binding, wrapped by keys of files or of KMS, and moved to new ones."""

import json
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from leasehold.keys.envelopes import Envelopes
from leasehold.keys.file_keys import UnsafeKeyFile
from leasehold.keys.wrapping_keys import FileWrapping, KmsWrapping, open_wrapping
from leasehold.model.connections import Binding, CannotOpen, Personal, Shared
from leasehold.model.errors import Unavailable

BINDING = Binding(
    connection="a1", holder=Personal("user:people/alice"), tool_server="github", address="https://a.example/mcp"
)
OTHERS = [
    replace(BINDING, holder=Personal("user:people/bob")),
    replace(BINDING, holder=Shared()),
    replace(BINDING, connection="a2"),
    replace(BINDING, tool_server="jira"),
    replace(BINDING, address="https://evil.example/mcp"),
]
SECRET = '{"access_token": "at-canary"}'


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("kms")


@pytest.fixture(params=["file", "kms"])
def wrapping(request, tmp_path):
    if request.param == "file":
        return FileWrapping(tmp_path / "keys")
    client = request.getfixturevalue("aws")
    return KmsWrapping(client, [client.create_key()["KeyMetadata"]["KeyId"]])


def test_a_secret_comes_out_as_it_went_in(wrapping):
    vault = Envelopes(wrapping)
    envelope = vault.seal(SECRET, BINDING)
    assert vault.open(envelope, BINDING) == SECRET
    assert "canary" not in repr(envelope) + envelope.sealed + envelope.wrapped_key + repr(vault)
    assert envelope.key_id == wrapping.key_id


@pytest.mark.parametrize("other", OTHERS)
def test_a_row_copied_to_anything_else_opens_for_nobody(wrapping, other):
    """The database is written to by somebody else: a user's row under another user, server or address."""
    vault = Envelopes(wrapping)
    envelope = vault.seal(SECRET, BINDING)
    with pytest.raises(CannotOpen):
        vault.open(envelope, other)
    with pytest.raises(CannotOpen):
        vault.rewrap(envelope, other)


@pytest.mark.parametrize("other", OTHERS)
def test_neither_half_of_an_envelope_opens_with_the_half_of_another(wrapping, other):
    vault = Envelopes(wrapping)
    mine, theirs = vault.seal(SECRET, BINDING), vault.seal("theirs", other)
    for mixed in (replace(mine, sealed=theirs.sealed), replace(mine, wrapped_key=theirs.wrapped_key)):
        for binding in (BINDING, other):
            with pytest.raises(CannotOpen):
                vault.open(mixed, binding)


@pytest.mark.parametrize("part", ["sealed", "wrapped_key"])
@pytest.mark.parametrize("changed", ["", "AAAA", "not base64!", None])
def test_what_was_changed_does_not_open(wrapping, part, changed):
    vault = Envelopes(wrapping)
    envelope = vault.seal(SECRET, BINDING)
    text = getattr(envelope, part)
    flipped = changed if changed is not None else text[:-8] + ("B" if text[-8] != "B" else "C") + text[-7:]
    with pytest.raises(CannotOpen):
        vault.open(replace(envelope, **{part: flipped}), BINDING)


def test_no_two_secrets_share_a_data_key(wrapping):
    vault = Envelopes(wrapping)
    one, two = vault.seal(SECRET, BINDING), vault.seal(SECRET, BINDING)
    assert (one.sealed, one.wrapped_key) != (two.sealed, two.wrapped_key)
    with pytest.raises(CannotOpen):
        vault.open(replace(one, wrapped_key=two.wrapped_key), BINDING)


def test_a_new_key_wraps_what_the_old_one_did_and_the_secret_stays_shut(tmp_path):
    wrapping = FileWrapping(tmp_path)
    vault = Envelopes(wrapping)
    before = vault.seal(SECRET, BINDING)
    assert wrapping.rotate() == "file:0002"
    after = vault.rewrap(before, BINDING)
    assert (after.key_id, after.sealed) == ("file:0002", before.sealed)
    assert vault.open(before, BINDING) == vault.open(after, BINDING) == SECRET
    (tmp_path / "0001.key").unlink()
    fresh = Envelopes(FileWrapping(tmp_path))
    assert fresh.open(after, BINDING) == SECRET
    with pytest.raises(CannotOpen):
        fresh.open(before, BINDING)


def test_a_key_that_another_replica_made_is_found_when_it_is_needed(tmp_path):
    first, second = FileWrapping(tmp_path), FileWrapping(tmp_path)
    second.rotate()
    envelope = Envelopes(second).seal(SECRET, BINDING)
    assert Envelopes(first).open(envelope, BINDING) == SECRET
    assert first.rotate() == "file:0003"


def test_key_files_are_of_one_user_and_whole(tmp_path):
    wrapping = FileWrapping(tmp_path / "keys")
    (path,) = (tmp_path / "keys").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(UnsafeKeyFile, match="open to other users"):
        FileWrapping(tmp_path / "keys")
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(UnsafeKeyFile, match="32 bytes"):
        FileWrapping(tmp_path / "keys")
    assert "file:0001" in repr(wrapping)


def test_other_files_of_the_folder_are_none_of_ours(tmp_path):
    (tmp_path / "README").write_text("keep the old keys")
    assert FileWrapping(tmp_path).key_id == "file:0001"


def test_a_kms_key_is_replaced_by_naming_another_first(aws):
    old, new = (aws.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    before = Envelopes(KmsWrapping(aws, [old])).seal(SECRET, BINDING)
    wrapping = KmsWrapping(aws, [new, old])
    assert wrapping.rotate() == f"kms:{new}"
    after = Envelopes(wrapping).rewrap(before, BINDING)
    assert Envelopes(KmsWrapping(aws, [new])).open(after, BINDING) == SECRET
    with pytest.raises(CannotOpen):
        Envelopes(KmsWrapping(aws, [new])).open(before, BINDING)


def test_kms_is_told_what_a_secret_is_bound_to_so_that_its_own_log_says_so():
    told = {}

    def encrypt(**asked):
        told.update(asked)
        return {"CiphertextBlob": b"wrapped"}

    Envelopes(KmsWrapping(SimpleNamespace(encrypt=encrypt), ["k"])).seal(SECRET, BINDING)
    assert told["EncryptionContext"] == {
        "version": "leasehold-connection-1",
        "connection": "a1",
        "principal": "user:people/alice",
        "tool_server": "github",
        "address": "https://a.example/mcp",
    }
    assert len(told["Plaintext"]) == 32
    assert "canary" not in json.dumps(told["EncryptionContext"])


def test_a_kms_that_does_not_answer_keeps_and_opens_nothing(aws):
    key = aws.create_key()["KeyMetadata"]["KeyId"]
    envelope = Envelopes(KmsWrapping(aws, [key])).seal(SECRET, BINDING)

    def away(**_):
        raise EndpointConnectionError(endpoint_url="https://kms")

    gone = Envelopes(KmsWrapping(SimpleNamespace(encrypt=away, decrypt=away), [key]))
    with pytest.raises(Unavailable):
        gone.seal(SECRET, BINDING)
    with pytest.raises(Unavailable):
        gone.open(envelope, BINDING)


def test_the_setting_names_files_or_kms(tmp_path, aws):
    assert isinstance(open_wrapping(f"file:{tmp_path}"), FileWrapping)
    assert open_wrapping("kms:a,b").key_id == "kms:a"
