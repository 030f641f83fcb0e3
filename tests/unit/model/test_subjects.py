"""Pins of every kind of issuer: ids that nobody can be given later are mandatory, and nothing else passes for one."""

from dataclasses import MISSING, fields
from typing import get_args

import pytest
from tests.fakes.simulated_issuer import VECTORS

import leasehold_cdktf.subjects as constructs
from leasehold.model.errors import InvalidValue
from leasehold.model.subjects import IssuerType, KubernetesSubject, Subject
from leasehold.model.trust import TrustIssuer, Verification, WorkloadBinding
from leasehold.model.workloads import WorkloadKind
from leasehold_provider.subjects import ISSUER_TYPES, SUBJECTS, check_subject, subject_blocks

KINDS = {kind.TYPE: kind for kind in get_args(Subject)}
STS_PINS = {"aws_account": "123456789012", "unique_id": "AROAEXAMPLEROLEID1234", "arn": "arn:aws:sts::1:x"}
PINS = {kind: VECTORS[kind.value]["pins"] if kind.value in VECTORS else STS_PINS for kind in IssuerType}


def mandatory(kind) -> set[str]:
    return {one.name for one in fields(KINDS[kind]) if one.default is MISSING}


def test_every_kind_has_its_pins_its_field_its_block_and_its_construct():
    assert set(KINDS) == set(IssuerType)
    assert {kind.field for kind in IssuerType} == set(SUBJECTS)
    assert {kind.value for kind in IssuerType} == set(ISSUER_TYPES) == set(get_args(constructs.IssuerType))
    assert {one.TYPE for one in get_args(constructs.Subject)} == set(ISSUER_TYPES)
    assert {kind.field for kind in IssuerType} <= {one.name for one in fields(WorkloadBinding)}


@pytest.mark.parametrize("kind", IssuerType)
def test_provider_and_constructs_know_the_same_pins_and_which_are_needed(kind):
    block = subject_blocks()[kind.field].attributes
    construct = next(one for one in get_args(constructs.Subject) if kind.value == one.TYPE)

    assert set(block) == {one.name for one in fields(KINDS[kind])} == {one.name for one in fields(construct)}
    assert {name for name, one in block.items() if one.required} == mandatory(kind)
    assert {one.name for one in fields(construct) if one.default is MISSING} == mandatory(kind)


@pytest.mark.parametrize("kind", IssuerType)
def test_the_pins_of_the_vectors_are_taken_by_model_provider_and_constructs(kind):
    block = subject_blocks()[kind.field].attributes
    construct = next(one for one in get_args(constructs.Subject) if kind.value == one.TYPE)

    assert KINDS[kind](**PINS[kind])
    assert construct(**PINS[kind])
    for name, value in PINS[kind].items():
        assert [check(value) for check in block[name].validators] == [None]


@pytest.mark.parametrize("value", ["", "*", "a*", "0*", "\u202e1", "x" * 5000])
@pytest.mark.parametrize("kind", IssuerType)
def test_no_pin_takes_a_wildcard_or_nothing(kind, value):
    for name in PINS[kind]:
        with pytest.raises(InvalidValue):
            KINDS[kind](**{**PINS[kind], name: value})


# Which of its pins tells one subject of a kind from every other, today's and those made later.
OWN_ID = {
    IssuerType.GITHUB_ACTIONS: "repository_id",
    IssuerType.GITLAB: "project_id",
    IssuerType.AWS: "unique_id",
    IssuerType.AWS_STS: "unique_id",
    IssuerType.GOOGLE: "subject",
    IssuerType.AZURE: "object_id",
    IssuerType.SPIFFE: "spiffe_id",
    IssuerType.HCP_TERRAFORM: "workspace_id",
    IssuerType.BUILDKITE: "pipeline_id",
    IssuerType.OIDC: "subject",
}


@pytest.mark.parametrize("kind", [kind for kind in IssuerType if kind is not IssuerType.KUBERNETES])
def test_the_pin_that_tells_a_subject_apart_is_mandatory_and_cannot_pass_to_somebody_else(kind):
    assert OWN_ID[kind] in mandatory(kind) - KINDS[kind].MUTABLE


def test_an_account_by_name_alone_is_refused_unless_that_is_said_outright():
    names = {"namespace": "shop", "service_account": "triage"}
    for wrong in (names, {**names, "service_account_uid": "u", "any_uid": True}):
        with pytest.raises(InvalidValue, match="any_uid"):
            KubernetesSubject(**wrong)
        with pytest.raises(ValueError, match="any_uid"):
            constructs.Kubernetes(**wrong)
    assert KubernetesSubject(**names, any_uid=True)

    block = {**dict.fromkeys(subject_blocks()["kubernetes"].attributes), **names}
    (refused,) = check_subject({"kubernetes": block})
    assert refused.summary == "Nothing immutable is pinned"
    assert not list(check_subject({"kubernetes": {**block, "any_uid": True}}))
    assert not list(check_subject({"kubernetes": {**block, "service_account_uid": "u"}}))


@pytest.mark.parametrize(
    ("kind", "without"),
    [
        (IssuerType.GITHUB_ACTIONS, {"job_workflow_ref", "environment", "ref"}),
        (IssuerType.GITLAB, {"ci_config_ref_uri", "environment", "ref_path"}),
        (IssuerType.BUILDKITE, {"build_branch"}),
    ],
)
def test_ids_alone_would_admit_every_branch_and_are_refused(kind, without):
    rest = {name: value for name, value in PINS[kind].items() if name not in without}
    with pytest.raises(InvalidValue, match="pin at least one of"):
        KINDS[kind](**rest)
    construct = next(one for one in get_args(constructs.Subject) if kind.value == one.TYPE)
    with pytest.raises(ValueError, match="pin at least one of"):
        construct(**rest)


@pytest.mark.parametrize(
    ("kind", "pin", "value"),
    [
        (IssuerType.GITLAB, "project_id", "acme/web"),
        (IssuerType.GITLAB, "namespace_id", "７２"),
        (IssuerType.AWS, "role_arn", "arn:aws:iam::999999999999:role/triage"),
        (IssuerType.AWS, "role_arn", "arn:aws:sts::123456789012:assumed-role/triage/x"),
        (IssuerType.AWS, "unique_id", "triage"),
        (IssuerType.AWS_STS, "unique_id", "triage"),
        (IssuerType.AWS_STS, "aws_account", "12345"),
        (IssuerType.GOOGLE, "subject", "triage@acme.iam.gserviceaccount.com"),
        (IssuerType.GOOGLE, "project_number", "acme-shop"),
        (IssuerType.AZURE, "tenant_id", "contoso.onmicrosoft.com"),
        (IssuerType.AZURE, "object_id", "9EA3D7F6-7D4B-4A3E-8E0B-5B1D0C6B2F10"),
        (IssuerType.SPIFFE, "spiffe_id", "spiffe://acme.example"),
        (IssuerType.SPIFFE, "spiffe_id", "https://acme.example/x"),
        (IssuerType.HCP_TERRAFORM, "workspace_id", "web"),
        (IssuerType.HCP_TERRAFORM, "organization_id", "ws-mbsd5E3Ktt5Rg2Xm"),
        (IssuerType.BUILDKITE, "organization_id", "acme"),
    ],
)
def test_a_name_is_no_id(kind, pin, value):
    with pytest.raises(InvalidValue):
        KINDS[kind](**{**PINS[kind], pin: value})


def issuer(kind=IssuerType.KUBERNETES, url="https://k8s.example", **more) -> TrustIssuer:
    return TrustIssuer(type=kind, issuer=url, audiences=frozenset({"a"}), **more)


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (IssuerType.AZURE, "https://login.microsoftonline.com/common/v2.0"),
        (IssuerType.AZURE, "https://login.microsoftonline.com/organizations/v2.0"),
        (IssuerType.AWS_STS, "https://sts.amazonaws.com/"),
        (IssuerType.AWS_STS, "https://sts.amazonaws.com/x"),
        (IssuerType.SPIFFE, "spiffe://acme.example/path"),
        (IssuerType.SPIFFE, "spiffe://acme.example"),  # without keys
        (IssuerType.OIDC, "spiffe://acme.example"),
    ],
)
def test_an_issuer_that_cannot_be_one_of_its_kind_is_refused(kind, url):
    with pytest.raises(InvalidValue):
        issuer(kind, url)


@pytest.mark.parametrize(
    "more",
    [
        {"verify": Verification.TOKEN_REVIEW},
        {"verify": Verification.TOKEN_REVIEW, "api_server": "https://k8s.example"},
        {"verify": Verification.TOKEN_REVIEW, "api_server": "http://k8s.example", "credential": "prod"},
        {"verify": Verification.TOKEN_REVIEW, "api_server": "https://k8s.example", "credential": "../../etc/passwd"},
        {"api_server": "https://k8s.example", "credential": "prod"},
        {"watch": frozenset({WorkloadKind.PODS})},
        {"watch": frozenset({WorkloadKind.PODS}), "api_server": "https://k8s.example"},
        {"watch": frozenset({WorkloadKind.PODS}), "credential": "prod"},
        {"watch": frozenset({WorkloadKind.PODS}), "api_server": "http://k8s.example", "credential": "prod"},
        {"watch": frozenset({WorkloadKind.PODS}), "api_server": "https://u:p@k8s.example", "credential": "prod"},
        {"watch": frozenset({WorkloadKind.PODS}), "api_server": "https://k8s.example/?a=b", "credential": "prod"},
        {
            "kind": IssuerType.OIDC,
            "watch": frozenset({WorkloadKind.PODS}),
            "api_server": "https://x.example",
            "credential": "c",
        },
        {
            "kind": IssuerType.OIDC,
            "verify": Verification.TOKEN_REVIEW,
            "api_server": "https://x.example",
            "credential": "c",
        },
    ],
    ids=repr,
)
def test_a_cluster_that_could_not_be_asked_safely_is_refused(more):
    with pytest.raises(InvalidValue):
        issuer(**more)


@pytest.mark.parametrize(
    ("kind", "arn"),
    [
        (IssuerType.AWS, "reader"),
        (IssuerType.AWS, "arn:aws:iam::123456789012:user/reader"),
        (IssuerType.AWS, "arn:aws:iam::123456789012:role/" + "r" * 2048),
        (IssuerType.AWS_STS, "arn:aws:iam::123456789012:role/reader"),
        (IssuerType.OIDC, "arn:aws:iam::123456789012:role/reader"),
    ],
)
def test_a_reader_is_a_role_and_reads_roles_alone(kind, arn):
    with pytest.raises(InvalidValue, match="reader_role_arn"):
        issuer(kind, "https://x.example", reader_role_arn=arn)
    assert issuer(IssuerType.AWS, "https://x.example", reader_role_arn="arn:aws:iam::123456789012:role/reader")
