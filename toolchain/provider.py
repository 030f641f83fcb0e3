"""Our provider in the toolchain's mirror, built anew from the checkout whenever it changed."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from toolchain import terraform
from toolchain.places import PROVIDER_VERSION, Places
from toolchain.programs import Tool, ToolMissingError, run


def ensure(places: Places) -> Tool:
    """Build the provider's zipapp and put it where `terraform init` looks for it."""
    terraform.write_cli_config(places)
    artefact = places.provider_artefact
    artefact.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=places.home) as scratch:
        built = Path(scratch) / artefact.name
        answer = run([sys.executable, "-m", "leasehold_provider.packaging", built])
        if answer.returncode != 0 or not built.is_file():
            raise ToolMissingError(f"the provider could not be built:\n{answer.stderr.strip()}")
        built.chmod(0o755)
        # A running Terraform may hold the old file open: replace it, never write into it.
        if not artefact.is_file() or artefact.read_bytes() != built.read_bytes():
            built.replace(artefact)
    return Tool("terraform-provider-leasehold", PROVIDER_VERSION, artefact, "this checkout")
