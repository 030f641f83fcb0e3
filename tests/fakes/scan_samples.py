"""The labelled set of the content scan, drawn anew from its recipes: `tests/vectors/scan/README.md`."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

VECTORS = Path(__file__).parents[1] / "vectors" / "scan"
_DIGITS, _LOWER, _UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS = {
    "62": _DIGITS + _UPPER + _LOWER,
    "url": _DIGITS + _UPPER + _LOWER + "-_",
    "64": _DIGITS + _UPPER + _LOWER + "+/",
    "52": _UPPER + _LOWER,
    "36": _DIGITS + _UPPER,
    "32": _UPPER + "234567",
    "hex": _DIGITS + "abcdef",
    "10": _DIGITS,
}
_DRAWN = re.compile(r"\{(\w+):(\d+)\}")


@dataclass(frozen=True)
class Sample:
    """A text with one secret in it, and where we claim to find it."""

    rule: str
    place: str
    covered: bool
    form: str
    text: bytes
    core: str

    def survives(self, left: bytes) -> bool:
        """True iff the end of the secret can still be read in what a scan left, whatever the scan reported."""
        shown = left if self.form == "text" else json.dumps(_strings(json.loads(left)), ensure_ascii=False).encode()
        return self.core.encode()[-12:] in shown.replace("\u200b".encode(), b"")


def vector(name: str) -> list:
    """One file of the set."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def samples(seed: int, each: int) -> Iterator[Sample]:
    """Every format in every place, `each` times with other values."""
    random = Random(seed)  # noqa: S311 — the same set in each run
    for form in vector("formats"):
        for place in vector("places"):
            for _ in range(each):
                secret = drawn(form, random)
                written = f"api_key={secret}" if form.get("named") else secret
                text = _placed(place, written, random)
                yield Sample(form["rule"], place["place"], place["covered"], place["form"], text, _core(form, secret))


def drawn(form: dict, random: Random) -> str:
    """A value by a recipe."""
    value = _DRAWN.sub(lambda m: "".join(random.choices(ALPHABETS[m[1]], k=int(m[2]))), form["recipe"])
    value = value.replace("{jwt}", _jwt(random)).replace("{pem}", _pem(random)).replace("{age}", _age(random))
    if not form.get("crc"):
        return (
            value[:-1] + "a" if value[-1:] in "-_" and form["recipe"] != "{pem}" else value
        )  # a scanner cannot tell a last dash from punctuation
    return value + checksum(value.partition("_")[2])


def checksum(body: str) -> str:
    """GitHub's and npm's: CRC-32 in base 62, six digits."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = ALPHABETS["62"][rest] + digits
    return digits


def _jwt(random: Random) -> str:
    parts = [json.dumps({"alg": "ES256", "kid": str(random.random())}), json.dumps({"sub": str(random.random())})]
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "".join(random.choices(ALPHABETS["62"], k=86))])


def _pem(random: Random) -> str:
    lines = ["".join(random.choices(ALPHABETS["64"], k=64)) for _ in range(25)]
    name = random.choice(["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "])
    return "\n".join([f"-----BEGIN {name}PRIVATE KEY-----", *lines, f"-----END {name}PRIVATE KEY-----"])


def _age(random: Random) -> str:
    """An age identity: bech32 over 32 bytes, its checksum as the remainder of a polynomial over GF(32) (BIP 173)."""
    alphabet, prefix = "qpzry9x8gf2tvdw0s3jn54khce6mua7l", "age-secret-key-"
    words = [random.randrange(32) for _ in range(52)]
    spread = [*(ord(c) // 32 for c in prefix), 0, *(ord(c) % 32 for c in prefix)]
    remainder = 1
    for value in [*spread, *words, *[0] * 6]:
        top = remainder >> 25
        remainder = ((remainder % (1 << 25)) << 5) ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            remainder ^= generator * ((top >> bit) % 2)
    remainder ^= 1
    check = [(remainder >> 5 * (5 - at)) % 32 for at in range(6)]
    return (prefix + "1" + "".join(alphabet[word] for word in [*words, *check])).upper()


def _core(form: dict, secret: str) -> str:
    return re.search(form["core"], secret)[0] if "core" in form else secret


def _strings(value: object) -> object:
    """JSON with every string inside that is JSON itself parsed too, so that no escape hides anything."""
    match value:
        case dict():
            return {key: _strings(inner) for key, inner in value.items()}
        case list():
            return [_strings(inner) for inner in value]
        case str() if value.startswith("{"):
            return _strings(json.loads(value))
    return value


def _placed(place: dict, secret: str, random: Random) -> bytes:
    shape = place["holds"]
    match place["place"]:
        case "json_in_json":
            inner = json.dumps({"inner": shape["text"]["inner"].replace("{secret}", secret)})
            return json.dumps({"text": inner}).encode()
        case "json_escaped":
            escaped = "".join(f"\\u{ord(c):04x}" if random.random() < 0.5 else json.dumps(c)[1:-1] for c in secret)
            return json.dumps(shape).replace("{secret}", escaped).encode()
    if place["form"] == "json":
        return json.dumps(shape).replace("{secret}", json.dumps(secret)[1:-1]).encode()
    return shape.replace("{secret}", DISGUISES.get(place["place"], _as_it_is)(secret, random)).encode()


def _as_it_is(secret: str, _: Random) -> str:
    return secret


def _with_zero_width(secret: str, random: Random) -> str:
    at = random.randrange(1, len(secret))
    return secret[:at] + "\u200b" + secret[at:]


DISGUISES: dict[str, Callable[[str, Random], str]] = {
    "base64": lambda secret, _: base64.b64encode(secret.encode()).decode(),
    "reversed": lambda secret, _: secret[::-1],
    "spaced": lambda secret, _: " ".join(secret),
    "percent": lambda secret, _: "".join(f"%{ord(c):02X}" for c in secret),
    "zero_width": _with_zero_width,
}


def hidden_samples() -> Iterator[tuple[str, str]]:
    """Kind, and a text with such characters between letters."""
    for one in vector("hidden"):
        yield one["kind"], "fi" + "".join(chr(int(point, 16)) for point in one["code_points"]) + "le"
