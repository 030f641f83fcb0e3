"""The provider block: which registry this stack talks to, and as which stack."""

from __future__ import annotations

from typing import Any

from leasehold_cdktf._cdk import Construct, cdk
from leasehold_cdktf.collector import collector_of
from leasehold_cdktf.names import check_name

SOURCE = "leasehold/leasehold"
VERSIONS = "~> 0.1"

_METADATA = cdk.TerraformProviderGeneratorMetadata(provider_name="leasehold", provider_version_constraint=VERSIONS)


class LeaseholdProvider(cdk.TerraformProvider):
    """Connects a stack to its registry. There is no argument for a token: CI brings its own OIDC token.

    Args:
        endpoint: The registry's URL; without it the provider reads LEASEHOLD_ENDPOINT.
        stack: Marks what this stack writes as its own; without it the provider reads LEASEHOLD_STACK.
        oidc_token_file: Where CI puts its OIDC token. On GitHub Actions leave it out: the provider asks for one.
        oidc_audience: The audience to ask GitHub for; the endpoint if left out.
        ca_file: PEM certificates to trust instead of the system's.

    Raises:
        ValueError: `stack` is no registry name.
    """

    def __init__(  # noqa: PLR0913  one keyword per argument of the provider block
        self,
        scope: Construct,
        id_: str,
        *,
        endpoint: str | None = None,
        stack: str | None = None,
        oidc_token_file: str | None = None,
        oidc_audience: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            terraform_resource_type="leasehold",
            terraform_provider_source=SOURCE,
            terraform_generator_metadata=_METADATA,
        )
        if stack is not None and "${" not in stack:
            check_name(stack, "stack")
        given = {
            "endpoint": endpoint,
            "stack": stack,
            "oidc_token_file": oidc_token_file,
            "oidc_audience": oidc_audience,
            "ca_file": ca_file,
        }
        self._attributes = {key: value for key, value in given.items() if value is not None}
        collector = collector_of(scope)
        collector.endpoint, collector.has_provider = endpoint, True

    def _synthesize_attributes(self) -> dict[str, Any]:  # Any: the CDK's signature
        return self._attributes
