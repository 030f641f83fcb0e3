"""Is an exported audit trail whole? Offline, with nothing but the export and the public key that signs checkpoints.

For auditors; it knows neither the registry nor its database.
"""

from leasehold.model.trail.checkpoints import InvalidNote as UnbelievableNote
from leasehold.verify.trail.diagnosis import Problem
from leasehold.verify.trail.verifying import TrailKeyring, Verdict, verify_trail

__all__ = ["Problem", "TrailKeyring", "UnbelievableNote", "Verdict", "verify_trail"]
