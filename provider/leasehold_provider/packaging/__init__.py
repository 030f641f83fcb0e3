"""Builds the provider's single file: a shell line, then a zip of the sources. The same bytes on every machine.

The file is never written to and nothing is written beside it: Terraform's lock file hashes its folder. What compiling
costs is paid once per machine and Python version, into a private folder for temporary files (see `bootstrap`).
"""
