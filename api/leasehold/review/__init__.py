"""Plan review and drift: what changes in access, seen from the agents; what is declared against what lives.

Reads only. Who may read is decided before a request gets here; how a report looks on a terminal or in a comment is the
command line's.
"""
