"""What secrets look like: one rule per format, in one pattern. The group of a rule is what is redacted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from leasehold.scan.checksums import bech32_holds, crc_holds, jwt_header, looks_random, no_placeholder
from leasehold.scan.patterns import Found, pattern


def _always(_: bytes) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """A format: its name, its shape with exactly one group, and what must hold of the group."""

    name: str
    shape: str
    holds: Callable[[bytes], bool] = _always


# Around a token stands nothing that could be a part of it; the `n` of an escape that was escaped twice may.
_BEFORE, _AFTER = r"(?:[^A-Za-z0-9_]|\\[nrtbf])", r"(?:[^A-Za-z0-9]|\z)"
_QUOTE = r"""["'\\`]{0,6}"""
_GAP = rf"{_QUOTE}\s{{0,8}}(?:=>|:=|[=:])\s{{0,8}}{_QUOTE}"
_VALUE = r"""[A-Za-z0-9+/=_.~!@#$%^&*:-]"""
_KEYWORDS = (
    r"(?i:pass(?:word|wd|phrase)|secret(?:[_-]?(?:access)?[_-]?key)?|token|api[_-]?key|access[_-]?key|auth[_-]?key|"
    r"private[_-]?key|signing[_-]?key|encryption[_-]?key|account[_-]?key|credentials?|pwd|bearer)"
)
_KEY_NAME = r"(?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_TOKENS = (
    Rule("github_token", r"gh[pousr]_[A-Za-z0-9]{36,}", crc_holds),
    Rule("github_fine_grained", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    Rule("npm_token", r"npm_[A-Za-z0-9]{36}", crc_holds),
    Rule("gitlab_token", r"gl(?:pat|dt|rt|cbt|ptt|ft|agent|soat|imt|oas)-[A-Za-z0-9_.-]{20,}"),
    Rule("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    Rule("google_api_key", r"AIza[A-Za-z0-9_-]{35}"),
    Rule("google_oauth", r"(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{28})"),
    Rule("slack_token", r"(?:xox[abeprs]|xapp)-[A-Za-z0-9-]{16,}"),
    Rule("stripe_key", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{32,}"),
    Rule("openai_key", r"sk-(?:[a-z]{1,10}-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}"),
    Rule("anthropic_key", r"sk-ant-[a-z0-9]{3,12}-[A-Za-z0-9_-]{80,}"),
    Rule("hugging_face", r"hf_[A-Za-z]{34}"),
    Rule("pypi_token", r"pypi-AgEI[A-Za-z0-9_-]{50,}"),
    Rule("sendgrid_key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    Rule("twilio_key", r"SK[0-9a-f]{32}"),
    Rule("mailgun_key", r"key-[0-9a-f]{32}"),
    Rule("digitalocean_token", r"do[opr]_v1_[0-9a-f]{64}"),
    Rule("shopify_token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Rule("telegram_bot", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    Rule("entra_secret", r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    Rule("vault_token", r"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    Rule("terraform_token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}"),
    Rule("databricks_token", r"dapi[0-9a-f]{32}"),
    Rule("docker_token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}"),
    Rule("atlassian_token", r"ATATT3[A-Za-z0-9_=-]{60,}"),
    Rule("grafana_token", r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    Rule("postman_key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    Rule("linear_key", r"lin_api_[A-Za-z0-9]{40}"),
    Rule("new_relic_key", r"NRAK-[A-Z0-9]{27}"),
    Rule("rubygems_key", r"rubygems_[0-9a-f]{48}"),
    Rule("age_identity", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", bech32_holds),
    Rule("jwt", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]{10,}){0,2}", jwt_header),
)
_PLACES = (
    Rule(
        "private_key",
        rf"(-----BEGIN {_KEY_NAME}(?:[A-Za-z0-9+/=\s\\:.,()]|-[A-Za-z0-9])*(?:-----END {_KEY_NAME})?)",
    ),
    Rule("slack_webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{30,})"),
    Rule("url_password", r"""[a-z][a-z0-9+.-]{1,20}://[^\s:/@"'\\<>]{0,64}:([^\s/@"'\\<>]{4,128})@""", no_placeholder),
    Rule(
        "authorization",
        rf"(?i:authorization){_GAP}(?i:bearer|basic|token|bot)\s{{1,4}}([A-Za-z0-9._~+/=-]{{16,}})",
        no_placeholder,
    ),
)
_ASSIGNMENT = Rule("assignment", rf"{_KEYWORDS}{_GAP}({_VALUE}{{12,}})", looks_random)
_GROUPED = "|".join(f"({rule.shape})" for rule in _TOKENS)
_RULES = (*_TOKENS, *_PLACES)
EXPRESSION = rf"{_BEFORE}(?:{_GROUPED}){_AFTER}|" + "|".join(rule.shape for rule in _PLACES)
EXPRESSIONS = (EXPRESSION, _ASSIGNMENT.shape)
"""Where none of these matches, there is no secret, except one that went on from the text before."""
_PATTERN = pattern(EXPRESSION)
_ASSIGNED = pattern(_ASSIGNMENT.shape)
_CONTINUED = pattern(rf"^(?:[A-Za-z0-9+/=_\s\\:.,()]|-[A-Za-z0-9])*(?:-----END {_KEY_NAME})?")
_SECOND_LOOKS = 8
BOUNDARY = 2  # the longest that stands before a token and belongs to its shape


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in a text, by its rule and its place; `begins` is where what tells it begins (`password=`)."""

    rule: str
    begins: int
    start: int
    end: int


def secrets_in(text: bytes, seen: int, continued: str = "") -> list[Secret]:
    """Every secret of a text, whose first `seen` bytes were judged before. `continued`: the rule that was cut there."""
    found = [Secret(continued, seen, seen, rest.span()[1] + seen)] if continued and (rest := _rest(text, seen)) else []
    after = found[0].end if found else seen
    known = [*found, *_shaped(text, after)]
    return sorted([*known, *_assigned(text, after, known)], key=lambda secret: secret.start)


def _rest(text: bytes, seen: int) -> Found | None:
    return _CONTINUED.search(text[seen:])


def _shaped(text: bytes, after: int) -> Iterator[Secret]:
    at, looks = max(0, after - BOUNDARY), _SECOND_LOOKS
    while found := _PATTERN.search(text, at):
        group = found.lastindex or 1
        start, end = found.span(group)
        if start >= after and _RULES[group - 1].holds(text[start:end]):
            yield Secret(_RULES[group - 1].name, max(found.span()[0], after), start, end)
            at = end
        else:  # what is no secret of this kind may hold one of another; the limit keeps hostile text linear
            at, looks = (max(start, at) + 1 if looks else max(end, at + 1)), max(0, looks - 1)


def _assigned(text: bytes, after: int, known: Sequence[Secret]) -> Iterator[Secret]:
    at = after
    starts = [secret.start for secret in known]
    while found := _ASSIGNED.search(text, at):
        start, at = found.span(1)
        before = bisect_right(starts, at) - 1  # the last known secret that begins before this one's end
        overlaps = before >= 0 and known[before].end > start
        if not overlaps and looks_random(text[start:at]):
            yield Secret(_ASSIGNMENT.name, found.span()[0], start, at)
