"""The environment that the demo, the tests and the benchmarks give to Terraform, cdktf and node."""

import os
import sys
from pathlib import Path
from typing import Literal

from toolchain import terraform
from toolchain.npm import machine_certificates
from toolchain.places import Places, repository

TerraformChoice = Literal["preferred", "packaged"]

# What a user's machine needs to reach its registries and to show text. Everything else of the caller's environment
# stays outside: a TF_LOG, TF_CLI_ARGS, AWS_* or LEASEHOLD_* of the developer's shell must not change a test.
_KEPT = frozenset(
    {"HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLUMNS", "LANG", "LANGUAGE", "TZ", "TMPDIR", "COLORTERM", "NO_COLOR"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
)
_KEPT_PREFIXES = ("LC_", "PIP_", "NPM_CONFIG_", "npm_config_")


def environment(terraform_from: TerraformChoice = "preferred") -> dict[str, str]:
    """Return a clean environment in which the toolchain's programs are found and work without a network.

    `terraform_from="packaged"` puts PyPI's Terraform first, whatever the PATH offers.
    """
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return kept | {"HOME": os.environ.get("HOME") or str(Path.home())} | additions(repository(), terraform_from)


def additions(places: Places, terraform_from: TerraformChoice = "preferred") -> dict[str, str]:
    """Return only what the toolchain sets: safe to print, nothing of the caller's but its PATH."""
    terraform.write_cli_config(places)
    return machine_certificates() | {
        "PATH": _path(places, terraform_from),
        "CI": "1",
        "CHECKPOINT_DISABLE": "1",  # neither Terraform nor cdktf phones home
        "TF_IN_AUTOMATION": "1",
        "TF_CLI_CONFIG_FILE": str(places.terraform_rc),
        # cdktf runs `terraform providers lock`, which ignores the mirror of the CLI configuration.
        "TF_CLI_ARGS_providers_lock": f"-fs-mirror={places.mirror}",
        # The value is the major version that may be past its end of life; others are ignored.
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "22",
    }


def _path(places: Places, terraform_from: TerraformChoice) -> str:
    first = [places.packaged_bin] if terraform_from == "packaged" else []
    own = [*first, places.bin, Path(sys.executable).parent]
    return os.pathsep.join([*map(str, own), os.environ.get("PATH", os.defpath)])
