"""Leasehold's nouns as CDKTF constructs: declare agents beside the infrastructure and the app that they belong to.

Needs `cdktf` 0.21 (or `cdktn`, see `_cdk`) and Node.js. Every construct checks at synth what can be checked there and
raises `ValueError` saying what to change; the registry checks everything again when it is applied.
"""

from leasehold_cdktf.agents import Agent
from leasehold_cdktf.assertions import assert_can, assert_cannot
from leasehold_cdktf.clients import OAuthClient
from leasehold_cdktf.credentials import (
    AwsSession,
    CredentialProfile,
    Federation,
    GitHubInstallation,
    PostgresqlLogin,
)
from leasehold_cdktf.deployments import Deployment
from leasehold_cdktf.directory import Relation, Resource, User
from leasehold_cdktf.exceptions import DriftException
from leasehold_cdktf.gate import Gate
from leasehold_cdktf.grants import Grant
from leasehold_cdktf.limits import Limit, at_least, at_most, between, exactly, one_like, one_of, one_of_prefixes
from leasehold_cdktf.manifest import Manifest
from leasehold_cdktf.people import Owner
from leasehold_cdktf.pins import ToolPin
from leasehold_cdktf.policies import Call, Policy, Question
from leasehold_cdktf.provider import LeaseholdProvider
from leasehold_cdktf.subjects import (
    Aws,
    AwsSts,
    Azure,
    Buildkite,
    Claim,
    GitHubActions,
    GitLab,
    Google,
    HcpTerraform,
    Kubernetes,
    Oidc,
    Spiffe,
)
from leasehold_cdktf.tools import Ceiling, Scope, Tool, ToolServer, Upstream
from leasehold_cdktf.trust import Login, TrustIssuer, WorkloadBinding
from leasehold_cdktf.upstream import ApiKey, AwsSigV4, Basic, Credential, Mtls, OAuth, UpstreamAuth

__all__ = [
    "Agent",
    "ApiKey",
    "Aws",
    "AwsSession",
    "AwsSigV4",
    "AwsSts",
    "Azure",
    "Basic",
    "Buildkite",
    "Call",
    "Ceiling",
    "Claim",
    "Credential",
    "CredentialProfile",
    "Deployment",
    "DriftException",
    "Federation",
    "Gate",
    "GitHubActions",
    "GitHubInstallation",
    "GitLab",
    "Google",
    "Grant",
    "HcpTerraform",
    "Kubernetes",
    "LeaseholdProvider",
    "Limit",
    "Login",
    "Manifest",
    "Mtls",
    "OAuth",
    "OAuthClient",
    "Oidc",
    "Owner",
    "Policy",
    "PostgresqlLogin",
    "Question",
    "Relation",
    "Resource",
    "Scope",
    "Spiffe",
    "Tool",
    "ToolPin",
    "ToolServer",
    "TrustIssuer",
    "Upstream",
    "UpstreamAuth",
    "User",
    "WorkloadBinding",
    "assert_can",
    "assert_cannot",
    "at_least",
    "at_most",
    "between",
    "exactly",
    "one_like",
    "one_of",
    "one_of_prefixes",
]
