"""The house style as functions: a source file in, its breaches out. `tests/test_house_rules.py` applies them."""
