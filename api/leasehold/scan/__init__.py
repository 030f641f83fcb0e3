"""Content in, findings out: secrets, hidden characters and advice, in what tools are given and what they answer.

Pure: bytes and a policy value in, bytes and findings out. Whether a call may happen is for `policy`; what a block means
on the wire is for the door that asks.
"""
