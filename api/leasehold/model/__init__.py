"""The nouns of Leasehold: frozen values and pure functions over them, no I/O, standard library only.

The specs are stdlib dataclasses that carry `__pydantic_config__`, so that a door can parse them strictly
(unknown fields refused) without this room knowing Pydantic.
"""
