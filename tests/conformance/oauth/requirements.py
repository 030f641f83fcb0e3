"""What we claim of the OAuth family, clause by clause. No requirement without a test, no test without a requirement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Requirement:
    """One MUST or SHOULD. `divergence` says where we differ on purpose, and in which decision that is argued."""

    id: str
    source: str
    behaviour: str
    divergence: str = ""


def proves(*_requirements: str) -> Callable[[Test], Test]:
    """Says which requirements a test proves; `test_manifest.py` reads it."""
    return lambda test: test


REQUIREMENTS = (
    Requirement("8693-grant", "RFC 8693 §2.1", "grant_type is the URN of token exchange"),
    Requirement("8693-subject", "RFC 8693 §2.1", "subject_token and subject_token_type are required"),
    Requirement("8693-actor-type", "RFC 8693 §2.1", "actor_token_type without actor_token is refused"),
    Requirement("8693-requested", "RFC 8693 §2.1", "a requested_token_type that cannot be issued is refused"),
    Requirement("8693-answer", "RFC 8693 §2.2.1", "access_token, issued_token_type and token_type are in the answer"),
    Requirement("8693-scope", "RFC 8693 §2.2.1", "scope is in the answer, whatever was asked"),
    Requirement("8693-no-refresh", "RFC 8693 §2.2.1", "no refresh token is issued"),
    Requirement("8693-target", "RFC 8693 §2.2.2", "a target we cannot serve is invalid_target"),
    Requirement(
        "8693-bad-subject",
        "RFC 8693 §2.2.2",
        "a subject token that is invalid or unacceptable is refused with one OAuth error",
        divergence="the error is invalid_grant, as RFC 6749 §5.2 has it for a credential presented as a grant, where "
        "RFC 8693 says invalid_request: a client can tell a malformed request from a token that was not accepted "
        "(decision 0009)",
    ),
    Requirement("8707-uri", "RFC 8707 §2", "resource is an absolute URI without a fragment"),
    Requirement("8707-one", "RFC 8707 §2", "more resources than we serve in one token are invalid_target"),
    Requirement("8707-audience", "RFC 8707 §2.2", "the token is restricted to the resource asked for"),
    Requirement("9068-typ", "RFC 9068 §2.1", "typ is at+jwt, and the token is signed, not none"),
    Requirement("9068-claims", "RFC 9068 §2.2", "iss, exp, aud, sub, client_id, iat and jti are present"),
    Requirement("9068-scope", "RFC 9068 §2.2.3", "scope is present and names what the resource serves"),
    Requirement("9068-verify-typ", "RFC 9068 §4", "a verifier refuses any typ but at+jwt"),
    Requirement("9068-verify-iss", "RFC 9068 §4", "a verifier refuses another issuer"),
    Requirement("9068-verify-aud", "RFC 9068 §4", "a verifier refuses another audience"),
    Requirement("9068-verify-none", "RFC 9068 §4", "a verifier refuses alg none"),
    Requirement("9068-verify-exp", "RFC 9068 §4", "a verifier refuses an expired token"),
    Requirement("9396-type", "RFC 9396 §2", "each authorization detail has a type"),
    Requirement("9396-granted", "RFC 9396 §7", "authorization_details say what was granted, not what was asked"),
    Requirement("7662-auth", "RFC 7662 §2.1", "the endpoint requires authorization"),
    Requirement("7662-401", "RFC 7662 §2.3", "an unauthorized caller gets 401"),
    Requirement("7662-active", "RFC 7662 §2.2", "active is true only for a token that is live now"),
    Requirement("7662-inactive", "RFC 7662 §2.2", "an inactive token gets active false and nothing else"),
    Requirement("7662-same", "RFC 7662 §2.2", "what introspection says is what the token says"),
    Requirement("7009-unknown", "RFC 7009 §2.2", "an invalid token is answered with 200"),
    Requirement("7009-hint", "RFC 7009 §2.1", "token_type_hint may be given and ignored"),
    Requirement("7009-immediate", "RFC 7009 §2", "a revoked token cannot be used when the answer is out"),
    Requirement("8414-issuer", "RFC 8414 §2", "issuer is a URL without query and fragment, equal to iss"),
    Requirement("8414-required", "RFC 8414 §2", "response_types_supported and the endpoints are present"),
    Requirement("8414-path", "RFC 8414 §3", "the metadata is at the well-known path, by GET, as JSON"),
    Requirement("8414-true", "RFC 8414 §2", "what the metadata says is supported, and how callers prove themselves"),
    Requirement("idjag-metadata", "ID-JAG -04", "the metadata names the profile, beside the grant type"),
    Requirement("7521-client-id", "RFC 7521 §4.2", "client_id is unnecessary beside a client assertion"),
    Requirement("7517-public", "RFC 7517 §4", "published keys hold no private members and carry kty, use and kid"),
    Requirement("7519-duplicates", "RFC 7519 §4", "claim names are unique"),
    Requirement("7519-exp", "RFC 7519 §4.1.4", "a token is not accepted on or after exp"),
    Requirement("7519-nbf", "RFC 7519 §4.1.5", "a token is not accepted before nbf, a small leeway aside"),
    Requirement("7515-crit", "RFC 7515 §4.1.11", "a crit header that is not understood refuses the token"),
    Requirement("8725-alg", "RFC 8725 §3.1", "the algorithm is the issuer's, never the token's, to choose"),
    Requirement("8725-typ", "RFC 8725 §3.11", "a token of another type is not accepted in place of an identity"),
    Requirement("6749-repeated", "RFC 6749 §3.2", "a repeated parameter is refused"),
    Requirement("6749-empty", "RFC 6749 §3.2", "a parameter without a value counts as absent"),
    Requirement("6749-unknown", "RFC 6749 §3.2", "an unknown parameter is ignored"),
    Requirement("6749-post", "RFC 6749 §3.2", "the token endpoint answers POST alone"),
    Requirement("6749-no-store", "RFC 6749 §5.1", "an answer with a token is not stored by caches"),
    Requirement("6749-errors", "RFC 6749 §5.2", "errors are JSON with error and an ASCII description, status 400"),
    Requirement("6750-challenge", "RFC 6750 §3", "a 401 carries a Bearer challenge"),
    Requirement(
        "9126-auth",
        "RFC 9126 §2",
        "the client authenticates at the pushed authorization request endpoint as at the token endpoint",
    ),
    Requirement("9126-answer", "RFC 9126 §2.2", "the answer is 201 with request_uri and expires_in"),
    Requirement("9126-nested", "RFC 9126 §2.1", "a pushed request holds no request_uri"),
    Requirement("9126-client", "RFC 9126 §2.2", "a request_uri is bound to the client that pushed it"),
    Requirement("9126-once", "RFC 9126 §4", "a request_uri is used once"),
    Requirement("6749-redirect", "RFC 6749 §3.1.2", "people are sent to registered addresses alone"),
    Requirement("9700-exact", "RFC 9700 §2.1", "redirect_uri is compared by exact string matching"),
    Requirement("7636-s256", "RFC 7636 §4.2", "S256 is supported, and nothing weaker"),
    Requirement("7636-required", "RFC 9700 §2.1.1", "a request without a code_challenge is refused"),
    Requirement("7636-verify", "RFC 7636 §4.6", "a code_verifier that does not match is invalid_grant"),
    Requirement("6749-state", "RFC 6749 §4.1.2", "state comes back as it was sent"),
    Requirement("9207-iss", "RFC 9207 §2", "the authorization response, errors included, names its issuer"),
    Requirement("6749-code-client", "RFC 6749 §4.1.3", "a code is of the client it was issued to"),
    Requirement("6749-code-once", "RFC 6749 §4.1.2", "a code is used once"),
    Requirement("6749-code-reuse", "RFC 6749 §4.1.2", "a code used twice ends the tokens it brought"),
    Requirement("6749-code-ttl", "RFC 6749 §4.1.2", "a code lives ten minutes at most"),
    Requirement("8693-act", "RFC 8693 §4.1", "act names who acts for the subject"),
    Requirement("9700-frames", "RFC 9700 §4.16", "the pages that people decide on cannot be framed"),
    Requirement("7523-claims", "RFC 7523 §3", "an assertion has iss, sub, aud and exp, and here a jti"),
    Requirement("7523-subject", "RFC 7523 §3", "iss and sub of a client assertion are the client_id"),
    Requirement(
        "7523bis-audience", "rfc7523bis §4", "the sole audience of a client assertion is the issuer identifier"
    ),
    Requirement("7523-once", "RFC 7523 §3", "a jti is taken once"),
    Requirement("7523-signature", "RFC 7523 §3", "an assertion with an invalid signature is refused"),
    Requirement(
        "6749-invalid-client", "RFC 6749 §5.2", "failed client authentication is invalid_client, 401 with a challenge"
    ),
    Requirement("6749-one-method", "RFC 6749 §2.3", "a client uses one method of authentication per request"),
    Requirement("9449-scheme", "RFC 9449 §7.1", "a bound token is presented with the scheme DPoP and one proof"),
    Requirement("9449-bearer", "RFC 9449 §7.2", "a bound token presented as Bearer is refused"),
    Requirement("9449-unbound", "RFC 9449 §7.1", "a token that is not bound is refused with the scheme DPoP"),
    Requirement("9449-ath", "RFC 9449 §4.3", "ath is the hash of the token presented, and the key is the token's"),
    Requirement("9449-challenge", "RFC 9449 §7.1", "a 401 offers DPoP with the algorithms, and names the error"),
    Requirement("9449-nonce-token", "RFC 9449 §8", "the token endpoint asks for a nonce with use_dpop_nonce, 400"),
    Requirement("9449-nonce-new", "RFC 9449 §8.2", "an answer supplies the next nonce before the old one ends"),
    Requirement("9449-nonce-resource", "RFC 9449 §9", "a resource asks for a nonce with use_dpop_nonce, 401"),
    Requirement("9449-nonce-store", "RFC 9449 §8.2", "an answer with a nonce is not stored by caches"),
    Requirement("ssf-metadata", "SSF 1.0 §7.1", "the configuration names issuer, keys, endpoints and delivery methods"),
    Requirement("ssf-well-known", "SSF 1.0 §7.2.1", "it lives at the well-known path, between host and path"),
    Requirement("ssf-create", "SSF 1.0 §8.1.1.1", "a stream is created with 201, stream_id, iss, aud and events"),
    Requirement("ssf-no-poll", "SSF 1.0 §8.1.1.1", "a delivery method that is not served is 400"),
    Requirement("ssf-read", "SSF 1.0 §8.1.1.2", "streams are read one by one and all at once; an unknown one is 404"),
    Requirement("ssf-update", "SSF 1.0 §8.1.1.3, §8.1.1.4", "PATCH changes what it names, PUT the whole"),
    Requirement("ssf-delete", "SSF 1.0 §8.1.1.5", "a deleted stream is 204, and gone"),
    Requirement("ssf-status", "SSF 1.0 §8.1.2", "the status is read and set; enabled, paused, disabled and no other"),
    Requirement("ssf-subjects", "SSF 1.0 §8.1.3", "a subject is added with 200 and removed with 204"),
    Requirement("ssf-verify", "SSF 1.0 §8.1.4", "a verification is 204, and its event carries state and the stream"),
    Requirement(
        "ssf-interval", "SSF 1.0 §8.1.4.2", "verifications come at min_verification_interval at most, else 429"
    ),
    Requirement("ssf-updated", "SSF 1.0 §8.1.5", "a stream that we stop says so with stream-updated"),
    Requirement("ssf-no-exp", "SSF 1.0 §4.1", "a SET has neither exp nor sub, and a sub_id at the top"),
    Requirement("ssf-typ", "SSF 1.0 §4.1", "typ is secevent+jwt, and the SET is signed"),
    Requirement("8417-claims", "RFC 8417 §2.2", "a SET has iss, iat, jti, txn, aud and one event"),
    Requirement("8417-confusion", "RFC 8417 §4", "a SET is no access token, here or at a resource server"),
    Requirement("caep-revoked", "CAEP 1.0 §3.1", "session-revoked has event_timestamp, in seconds"),
    Requirement("9493-subjects", "RFC 9493 §3", "subjects are iss_sub, jwt_id and opaque identifiers"),
    Requirement("8935-push", "RFC 8935 §2.1", "a SET is POSTed as application/secevent+jwt, one a request"),
    Requirement("8935-taken", "RFC 8935 §2.2", "a 2xx answer takes the SET; nothing else does"),
    Requirement(
        "8935-error", "RFC 8935 §2.3", "an err of the registered kind is kept, and no other text of a receiver"
    ),
    Requirement("tsl-claim", "draft-ietf-oauth-status-list-20 §6.1", "status.status_list holds idx and uri"),
    Requirement("tsl-typ", "draft-ietf-oauth-status-list-20 §5.1", "typ is statuslist+jwt; sub, iat and status_list"),
    Requirement("tsl-bits", "draft-ietf-oauth-status-list-20 §4.1", "one bit a token, least significant first, zlib"),
    Requirement("tsl-sub", "draft-ietf-oauth-status-list-20 §5.1", "sub is the uri of the tokens on the list"),
    Requirement("tsl-ttl", "draft-ietf-oauth-status-list-20 §5.1", "ttl and exp say how long the list serves"),
    Requirement("tsl-media", "draft-ietf-oauth-status-list-20 §8.2", "the media type is application/statuslist+jwt"),
    Requirement("tsl-cors", "draft-ietf-oauth-status-list-20 §8.1", "browsers may read it"),
    Requirement("tsl-gzip", "draft-ietf-oauth-status-list-20 §8.2", "an answer is gzipped for who takes that"),
    Requirement("tsl-time", "draft-ietf-oauth-status-list-20 §8.4", "a list of the past is 501, as none is kept"),
    Requirement("tsl-range", "draft-ietf-oauth-status-list-20 §8.3", "a verifier refuses an index beyond the list"),
    Requirement("tsl-verify-sub", "draft-ietf-oauth-status-list-20 §8.3", "a verifier refuses a list of another uri"),
    Requirement(
        "tsl-order", "draft-ietf-oauth-status-list-20 §8.3", "the token is validated before its list is sought"
    ),
    Requirement("tsl-final", "draft-ietf-oauth-status-list-20 §7.1", "INVALID (1) for every token that was ended"),
    Requirement("tsl-unlinkable", "draft-ietf-oauth-status-list-20 §12.4", "places are drawn by lot"),
    Requirement("7591-gated", "RFC 7591 §3", "a registration without a valid initial access token is refused with 401"),
    Requirement("7591-answer", "RFC 7591 §3.2.1", "the answer is 201, JSON, not cached, with all that was registered"),
    Requirement("7591-secret", "RFC 7591 §3.2.1", "no client_secret is issued to a client that proves itself by a key"),
    Requirement("7591-unknown", "RFC 7591 §2", "metadata that is not understood is ignored"),
    Requirement("7591-redirect", "RFC 7591 §3.2.2", "a redirect_uri that is not taken is invalid_redirect_uri"),
    Requirement("7591-metadata", "RFC 7591 §3.2.2", "metadata that is not taken is invalid_client_metadata"),
    Requirement(
        "7591-statement", "RFC 7591 §3.2.2", "a software statement that is not taken is unapproved_software_statement"
    ),
    Requirement("7592-access", "RFC 7592 §2", "a client is managed with its own registration access token alone"),
    Requirement("7592-uri", "RFC 7592 §3", "registration_client_uri and registration_access_token are in the answer"),
    Requirement("7592-update", "RFC 7592 §2.2", "an update replaces what was said, and names the client it is for"),
    Requirement("7592-delete", "RFC 7592 §2.3", "a deleted client answers 204 once, and is nobody afterwards"),
    Requirement("cimd-equal", "CIMD §4.1", "client_id in the document equals its address by string comparison"),
    Requirement("cimd-url", "CIMD §3", "a client id is an https URL with a path and without fragment, user and dots"),
    Requirement(
        "cimd-secret", "CIMD §4.1", "a document holds no secret, and no method of authentication that needs one"
    ),
    Requirement("cimd-private", "CIMD §6.5", "no address of a private network is asked for a document"),
    Requirement("cimd-size", "CIMD §6.6", "a document over a limit is refused"),
    Requirement("cimd-metadata", "CIMD §5", "the metadata of the server says that documents are taken"),
    Requirement("9449-bound", "RFC 9449 §6.1", "a bound token names the key's thumbprint in cnf.jkt"),
    Requirement("9449-type", "RFC 9449 §5", "token_type of a bound token is DPoP"),
    Requirement("9449-proof", "RFC 9449 §4.3", "typ, alg, jwk, signature, htm and htu of a proof are checked"),
    Requirement("9449-private", "RFC 9449 §4.3", "a jwk with a private key is refused"),
    Requirement("9449-window", "RFC 9449 §4.3", "iat lies within an acceptable window"),
    Requirement("9449-once", "RFC 9449 §11.1", "a jti of a proof is taken once"),
    Requirement("9449-error", "RFC 9449 §5", "an invalid proof is invalid_dpop_proof"),
    Requirement("9449-code", "RFC 9449 §10", "a code that was asked for with dpop_jkt is redeemed with that key alone"),
    Requirement("9449-par", "RFC 9449 §10.1", "a pushed request takes dpop_jkt, a proof, or both of one key"),
    Requirement("9449-confirmation", "RFC 9449 §6.2", "introspection tells the confirmation"),
    Requirement("8252-port", "RFC 8252 §7.3", "a redirect URI on loopback is taken at any port"),
    Requirement("8252-consent", "RFC 8252 §8.6", "who cannot prove itself is not answered without the person"),
    Requirement("6749-no-redirect", "RFC 6749 §4.1.2.1", "nobody is sent to a redirect URI that is not the client's"),
    Requirement("6749-told-errors", "RFC 6749 §4.1.2.1", "other errors go back to the client with its state"),
    Requirement("9207-error", "RFC 9207 §2", "iss is in error answers, too"),
    Requirement("7591-substituted", "RFC 7591 §3.2.1", "metadata that is substituted is told in the answer"),
    Requirement("8707-code", "RFC 8707 §2.2", "a code brings a token for the resource that it was asked for alone"),
    Requirement("6749-refresh", "RFC 6749 §6", "a refresh token is bound to the client it was issued to"),
    Requirement("9700-rotation", "RFC 9700 §4.14.2", "a refresh token that comes twice ends all that came of it"),
    Requirement("7009-refresh", "RFC 7009 §2.1", "revoking a refresh token ends the access tokens of its grant"),
)
