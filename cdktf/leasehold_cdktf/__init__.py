"""Leasehold's nouns as CDKTF constructs: declare agents beside the infrastructure and the app that they belong to.

Needs `cdktf` 0.21 (or `cdktn`, see `_cdk`) and Node.js. Every construct checks at synth what can be checked there and
raises `ValueError` saying what to change; the registry checks everything again when it is applied.
"""

from leasehold_cdktf.agents import Agent
from leasehold_cdktf.assertions import assert_can, assert_cannot
from leasehold_cdktf.deployments import Deployment
from leasehold_cdktf.grants import Grant
from leasehold_cdktf.manifest import Manifest
from leasehold_cdktf.people import Owner
from leasehold_cdktf.provider import LeaseholdProvider
from leasehold_cdktf.tools import Ceiling, Scope, Tool, ToolServer
from leasehold_cdktf.trust import GitHubActions, Kubernetes, Oidc, TrustIssuer, WorkloadBinding

__all__ = [
    "Agent",
    "Ceiling",
    "Deployment",
    "GitHubActions",
    "Grant",
    "Kubernetes",
    "LeaseholdProvider",
    "Manifest",
    "Oidc",
    "Owner",
    "Scope",
    "Tool",
    "ToolServer",
    "TrustIssuer",
    "WorkloadBinding",
    "assert_can",
    "assert_cannot",
]
