"""Where a report goes: the pull request, an issue, the job's summary, a commit's status, files for scanners.

Speaks to GitHub or GitLab with the token of the CI job alone. What a report says is settled before it gets here.
"""
