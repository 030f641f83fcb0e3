"""Remembers: SQL and memory stores of one contract. Knows only the model; rows never leave this room."""
