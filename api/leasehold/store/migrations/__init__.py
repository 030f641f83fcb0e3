"""Alembic's migrations: each file in `versions/` takes every database one step further, and is never changed again."""
