"""What a failure in provider code becomes: always a diagnostic, never a broken call, never a value in the text."""

from __future__ import annotations

from leasehold_provider.protocol.cty import CtyError
from leasehold_provider.protocol.diagnostics import Diagnostic, DiagnosticError
from leasehold_provider.protocol.log import log_failure


def diagnose(operation: str, failure: BaseException) -> Diagnostic:
    """Turn an exception into a diagnostic; an unexpected one is logged too."""
    if isinstance(failure, DiagnosticError):
        return failure.diagnostic
    log_failure(operation, failure)
    if isinstance(failure, CtyError):
        return Diagnostic.error("Value does not fit the schema", f"{operation}: {failure}.")
    return Diagnostic.error(
        "Internal error in the provider",
        f"{operation} failed with {type(failure).__name__}. This is a fault of the provider; "
        "its log (TF_LOG_PROVIDER=ERROR) says where.",
    )
