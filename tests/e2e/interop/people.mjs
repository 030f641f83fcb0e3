// openid-client asks a person, in two runs: the first pushes the request with a proof of a key and says where the browser
// goes, the second redeems what came back. Asked on standard input, answers on standard output, with JSON.
import { readFileSync } from 'node:fs';
import * as oauth from 'openid-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const imported = ({ kty, crv, x, y, d }, use) => crypto.subtle.importKey('jwk', { kty, crv, x, y, d }, { name: 'ECDSA', namedCurve: 'P-256' }, true, [use]);
const pairOf = async (jwk) => ({ privateKey: await imported(jwk, 'sign'), publicKey: await imported({ ...jwk, d: undefined }, 'verify') });
const client = oauth.PrivateKeyJwt({ key: await imported(asked.client_key, 'sign'), kid: asked.client_kid });
const options = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] };
const config = await oauth.discovery(new URL(asked.issuer), 'triage', undefined, client, options);
const keys = asked.key ? await pairOf(asked.key) : await oauth.randomDPoPKeyPair('ES256', { extractable: true });
const DPoP = oauth.getDPoPHandle(config, keys);

const push = async () => {
  const verifier = oauth.randomPKCECodeVerifier();
  const state = oauth.randomState();
  const code_challenge = await oauth.calculatePKCECodeChallenge(verifier);
  const parameters = { redirect_uri: asked.redirect_uri, resource: asked.resource, code_challenge, code_challenge_method: 'S256', state };
  const url = await oauth.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
  return { url: url.href, verifier, state, key: await crypto.subtle.exportKey('jwk', keys.privateKey), jkt: await DPoP.calculateThumbprint() };
};
const redeem = () => oauth.authorizationCodeGrant(
  config, new URL(asked.callback), { pkceCodeVerifier: asked.verifier, expectedState: asked.state }, undefined, { DPoP },
).catch((error) => ({ error: error.error ?? String(error) }));

process.stdout.write(JSON.stringify(asked.callback ? await redeem() : await push()));
