"""Where the toolchain keeps its parts: one folder at the repository's root that git ignores."""

import fcntl
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROVIDER_VERSION = "0.1.0"
# Terraform reads `leasehold/leasehold` as this address. OpenTofu's default host differs, so a mirror made for it
# needs its own host folder; `leasehold provider install` is the door for that.
PROVIDER_SOURCE = "registry.terraform.io/leasehold/leasehold"

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one checkout's toolchain."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / ".toolchain"

    @property
    def bin(self) -> Path:
        """Executables that stand in front of the caller's PATH."""
        return self.home / "bin"

    @property
    def packaged_bin(self) -> Path:
        """PyPI's Terraform alone, whatever the PATH offers: tests run on both."""
        return self.home / "packaged" / "bin"

    @property
    def mirror(self) -> Path:
        """A Terraform filesystem mirror with our provider in it."""
        return self.home / "mirror"

    @property
    def terraform_rc(self) -> Path:
        return self.home / "terraform.rc"

    @property
    def constraints(self) -> Path:
        return self.root / "constraints.txt"

    @property
    def provider_artefact(self) -> Path:
        """The provider's executable, where `terraform init` looks for it."""
        folder = self.mirror / PROVIDER_SOURCE / PROVIDER_VERSION / terraform_platform()
        return folder / f"terraform-provider-leasehold_v{PROVIDER_VERSION}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change the toolchain; the others wait."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def repository() -> Places:
    """Return the places of the checkout that this package lies in."""
    return Places(Path(__file__).resolve().parent.parent)


def terraform_platform() -> str:
    """Return this machine in Terraform's spelling, such as `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"
