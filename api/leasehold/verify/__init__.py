"""For resource servers: is this access token good, right now, for this tool on this resource?

Offline, from the issuer's keys and its revocation feed; by introspection where the feed is too old; else no.
"""

from leasehold.verify.access import AccessToken
from leasehold.verify.proofs import Proof
from leasehold.verify.refusals import Reason
from leasehold.verify.resource_server import ResourceServer
from leasehold.verify.third_party import third_party_verifier
from leasehold.verify.verifier import AccessRefused, Patience, Receipt, Verifier

__all__ = [
    "AccessRefused",
    "AccessToken",
    "Call",
    "Patience",
    "Proof",
    "Reason",
    "Receipt",
    "ResourceServer",
    "Verifier",
    "third_party_verifier",
]
