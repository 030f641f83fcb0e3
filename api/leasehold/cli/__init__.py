"""The command line: a thin HTTP client of the registry, and `serve`.

Imports no other room (`serve` alone reaches `wiring`). Machine output is pure JSON on stdout; everything said to a
person who is waiting goes to stderr. What the registry answers is shown as text, never as terminal codes or markup.
"""
