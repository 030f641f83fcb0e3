"""Names that look like other names: skeletons in the manner of UTS #39 §4, over a table of our own.

The table covers what Cyrillic, Greek, Armenian, Cherokee and Latin letters beyond ASCII share with ASCII's letters and
digits, and what NFKC folds (full-width, mathematical and circled forms). It is a part of Unicode's confusables, not all
of them; a name with letters of two such scripts is a finding whether or not the table knows them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from leasehold.scan.findings import Finding, FindingKind, Response, ScanPolicy
from leasehold.scan.hidden import hidden_in

_LOOKS_LIKE = {
    "a": "аαɑạ", "b": "ЬƄɓ", "c": "сϲᴄⅽ", "d": "ԁɗⅾ", "e": "еҽ℮", "f": "ſẝꞙ", "g": "ɡցǥ", "h": "һհ", "i": "іıɩιⅰӏ",
    "j": "јϳ", "k": "кκĸ", "l": "ⅼǀɭ", "m": "ⅿмʍ", "n": "ոռηп", "o": "оοօσ००٥ഠ", "p": "рρϱ", "q": "ԛզգ",
    "r": "гᴦɼ", "s": "ѕꜱʂ", "t": "τт", "u": "υսʋц", "v": "νѵⅴ", "w": "ԝաɯш", "x": "хχⅹ", "y": "уүγყ", "z": "ᴢʐ",
    "A": "АΑᎪ", "B": "ВΒᏴ", "C": "СϹᏟⅭ", "D": "ᎠⅮ", "E": "ЕΕᎬ", "F": "Ϝ", "G": "ԌᏀ", "H": "НΗᎻ", "I": "ІΙӀ",
    "J": "ЈᎫ", "K": "КΚᏦ", "L": "ᏞⅬ", "M": "МΜᎷⅯ", "N": "Ν", "O": "ОΟՕ", "P": "РΡᏢ", "S": "ЅᏚՏ", "T": "ТΤᎢ",
    "V": "ᏙⅤ", "W": "ԜᎳ", "X": "ХΧⅩ", "Y": "ҮΥ", "Z": "ΖᏃ", "3": "ЗӠƷ", "4": "Ꮞ", "6": "б", "8": "Ȣ",
    "-": "‐‑‒–—−ー", "_": "＿ˍ", ".": "․‧", "/": "⁄∕",
}  # fmt: skip
_FOLDED = {ord(other): plain for plain, others in _LOOKS_LIKE.items() for other in others}
# What ASCII confuses with itself, after the above.
_WITHIN_ASCII = (("rn", "m"), ("vv", "w"), ("0", "o"), ("O", "o"), ("1", "l"), ("I", "l"), ("|", "l"))
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "GEORGIAN", "HEBREW", "ARABIC", "COPTIC")


def skeleton(name: str) -> str:
    """What a name looks like: two names with one skeleton can be taken for one another."""
    shown = "".join(c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) not in {"Cf", "Mn"})
    folded = unicodedata.normalize("NFKC", shown.translate(_FOLDED)).translate(_FOLDED)
    for looks, like in _WITHIN_ASCII:
        folded = folded.replace(looks, like)
    return folded.lower()


def name_findings(name: str, known: Iterable[str], policy: ScanPolicy) -> tuple[Finding, ...]:
    """What is wrong with a name beside names that are known: a look-alike, two scripts, folded or hidden characters."""
    response = policy.response(FindingKind.CONFUSABLE)
    rules = [] if response is Response.ALLOW else [*_wrong(name), *_alike(name, known)]
    whole = len(name.encode(errors="surrogatepass"))
    return tuple(
        Finding(kind=FindingKind.CONFUSABLE, rule=rule, start=0, length=whole, response=response) for rule in rules
    )


def _wrong(name: str) -> Iterable[str]:
    if any(True for _ in hidden_in(name.encode(errors="surrogatepass"), 0, beginning=False)):
        yield "hidden"
    if unicodedata.normalize("NFKC", name) != name:
        yield "folded"
    if len({_script(c) for c in name if c.isalpha()} - {""}) > 1:
        yield "mixed_scripts"


def _alike(name: str, known: Iterable[str]) -> Iterable[str]:
    looks = skeleton(name)
    if any(other != name and skeleton(other) == looks for other in known):
        yield "look_alike"


def _script(character: str) -> str:
    first = unicodedata.name(character, "").partition(" ")[0]
    return first if first in _SCRIPTS else ""
