"""Proofs over policies: what one version allows and another denies, with a call that shows it. Bounded; never a guess.

The room of `z3-solver`. What it has no model for, and what takes it too long, is unproven, and that is never a yes.
"""
