"""Anchors keep checkpoints where whoever runs the database cannot reach them; what fails is tried again."""

import subprocess
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.fakes.trail_world import NAME, START, TrailWorld, event

from leasehold.audit.file_anchor import FileAnchor
from leasehold.audit.git_anchor import GitAnchor
from leasehold.audit.s3_anchor import open_s3_anchor
from leasehold.model.trail.checkpoints import NotAnchored


def test_a_file_grows_by_each_checkpoint(tmp_path):
    world = TrailWorld(tmp_path, anchors=[FileAnchor(tmp_path / "anchor")])
    world.grow(20)
    text = (tmp_path / "anchor").read_text()
    assert text == "".join(f"{note}\n" for note in world.checkpoints())
    world.sealer.seal_all()  # nothing new
    assert (tmp_path / "anchor").read_text() == text


def git(folder, *arguments):
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_repository_has_a_commit_for_each_checkpoint_and_pushes_it(tmp_path):
    clone, remote = tmp_path / "clone", tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(remote))
    git(tmp_path, "init", "-q", str(clone))
    git(clone, "remote", "add", "origin", str(remote))
    world = TrailWorld(tmp_path, anchors=[GitAnchor(clone)])
    world.grow(20)
    subjects = git(remote, "log", "--format=%s", "leasehold-audit").splitlines()
    assert subjects == [f"{NAME}: 20 events", f"{NAME}: 10 events"]
    assert git(remote, "show", "leasehold-audit:checkpoint") == world.checkpoints()[-1]
    assert git(clone, "status", "--porcelain") == ""


@pytest.fixture
def bucket():
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="anchors", ObjectLockEnabledForBucket=True)
        yield client


def test_s3_locks_each_checkpoint_in_compliance_mode(tmp_path, bucket, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    world = TrailWorld(tmp_path, anchors=[open_s3_anchor("s3://anchors/prod/?days=30")])
    world.grow(20)
    keys = [one["Key"] for one in bucket.list_objects_v2(Bucket="anchors")["Contents"]]
    assert keys == [f"prod/{size:020d}.checkpoint" for size in (10, 20)]
    found = bucket.get_object(Bucket="anchors", Key=keys[-1])
    assert found["Body"].read().decode() == world.checkpoints()[-1]
    assert found["ObjectLockMode"] == "COMPLIANCE"
    assert found["ObjectLockRetainUntilDate"] == START + timedelta(days=30)
    with pytest.raises(ClientError):
        bucket.delete_object(Bucket="anchors", Key=keys[-1], VersionId=found["VersionId"])


@pytest.mark.parametrize("url", ["s3:///x", "s3://b/x?days=0", "s3://b/x?days=x", "s3://b/x?days=99999", "s3://b?y=1"])
def test_an_s3_anchor_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="s3://"):
        open_s3_anchor(url)


def test_anchors_say_why_they_failed_and_hold_up_nothing(tmp_path, bucket, monkeypatch, caplog):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    anchors = [FileAnchor(tmp_path), GitAnchor(tmp_path / "none"), open_s3_anchor("s3://nowhere/x")]
    world = TrailWorld(tmp_path, anchors=anchors)
    world.grow(10)
    assert len(world.checkpoints()) == 1
    assert [record.args[0] for record in caplog.records] == [anchor.name for anchor in anchors]
    assert "NoSuchBucket" in caplog.text


class Broken:
    """An anchor that is away for a while."""

    name = "broken"

    def __init__(self):
        self.kept, self.away = [], True

    def keep(self, checkpoint, origin):
        if self.away:
            raise NotAnchored("away")
        self.kept.append((checkpoint.size, origin))


def test_what_could_not_be_anchored_is_anchored_when_it_can_be(tmp_path):
    anchor = Broken()
    world = TrailWorld(tmp_path, anchors=[anchor])
    world.grow(10)
    anchor.away = False
    world.sealer.seal_all()
    world.sealer.seal_all()
    assert anchor.kept == [(10, NAME)]
    world.write(event(10))
    world.sealer.catch_up()
    assert anchor.kept == [(10, NAME), (11, NAME)]
