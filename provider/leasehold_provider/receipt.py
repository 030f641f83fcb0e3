"""The receipt of a reviewed plan: shown with every write, object by object. The registry says whether it covers it."""

from __future__ import annotations

from .protocol import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RECEIPT, PROOF = "Leasehold-Receipt", "Leasehold-Receipt-Proof"
_LIMIT = 64 * 1024 * 1024
_ADVICE = "Give the file that `leasehold review --receipt` or `leasehold approve` wrote."


class Receipt:
    """A receipt, or none."""

    __slots__ = ("_proofs", "_token")

    def __init__(self, token: str = "", proofs: Mapping[str, str] | None = None) -> None:
        self._token = token
        self._proofs = proofs or {}

    @property
    def is_given(self) -> bool:
        """True if there is one."""
        return bool(self._token)

    @property
    def shown(self) -> dict[str, object]:
        """As a review takes it."""
        return {"token": self._token, "objects": self._proofs}

    def shown_for(self, kind: str, name: str) -> dict[str, object]:
        """As a check of one object takes it; one that is not wholly known has its place under `unproven`."""
        own = (f"{kind}/{name}", f"unproven/{kind}/{name}@")
        proofs = {key: proof for key, proof in self._proofs.items() if key == own[0] or key.startswith(own[1])}
        return {"token": self._token, "objects": proofs}

    def headers(self, kind: str, name: str) -> dict[str, str]:
        """What a write of this object shows; nothing without a receipt."""
        if not self._token:
            return {}
        return {RECEIPT: self._token, PROOF: self._proofs.get(f"{kind}/{name}", "-")}


def read_receipt(path: str | None) -> Receipt:
    """The receipt in a file; an empty one for no path. Never repeats what the file holds."""
    import json  # noqa: PLC0415 -- costs 8 ms, and most runs show none

    if not path:
        return Receipt()
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- pathlib costs a start some milliseconds
            found = json.loads(file.read(_LIMIT))
        token, proofs = found["token"], found["objects"]
    except OSError as failed:
        raise DiagnosticError("Receipt cannot be read", f"`{path}`: {failed.strerror}. {_ADVICE}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DiagnosticError("Receipt cannot be read", f"`{path}` is no receipt. {_ADVICE}") from None
    texts = (token, *proofs, *proofs.values()) if isinstance(proofs, dict) else (None,)
    if not all(isinstance(one, str) and one.isascii() and one.isprintable() for one in texts):
        raise DiagnosticError("Receipt cannot be read", f"`{path}` is no receipt. {_ADVICE}")
    return Receipt(token, proofs)
