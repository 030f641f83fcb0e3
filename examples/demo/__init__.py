"""Leasehold on one machine, from nothing to nothing: `make demo`, or `python -m examples.demo`.

A registry on SQLite, and issuers that sign tokens of exactly the shape that Kubernetes, GitHub Actions and a company's
login sign. The rest is real: Terraform, cdktf, the provider, and the two examples beside this folder.
"""
