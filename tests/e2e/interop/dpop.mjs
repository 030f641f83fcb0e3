// openid-client with a key of its own against our server, which wants nonces: a bound registry token, our own resources
// with it, and the same token without its proof. Asked on standard input, answers on standard output, with JSON.
import { readFileSync } from 'node:fs';
import * as oauth from 'openid-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const options = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] };
const config = await oauth.discovery(new URL(asked.issuer), 'triage', undefined, oauth.None(), options);
const seen = [];
config[oauth.customFetch] = async (...request) => {
  const response = await fetch(...request);
  seen.push([response.status, response.headers.has('dpop-nonce')]);
  return response;
};
const keys = await oauth.randomDPoPKeyPair('ES256');
const DPoP = oauth.getDPoPHandle(config, keys);
const parameters = { subject_token: asked.subject_token, subject_token_type: asked.subject_token_type, resource: `${asked.issuer}/v1` };
const token = await oauth.genericGrantRequest(config, asked.grant_type, parameters, { DPoP });
const ask = async (path, more = { DPoP }) => {
  try {
    const response = await oauth.fetchProtectedResource(config, token.access_token, new URL(asked.issuer + path), 'GET', undefined, undefined, more);
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch (error) {
    return { status: error.status ?? error.cause?.status ?? 0 };
  }
};
const whoami = await ask('/v1/whoami');
const escaped = await ask('/v1/grants/triage%2Fgithub.read_file@repo:web');
const streams = await ask('/ssf/streams');
const bearer = await ask('/v1/whoami', {});
process.stdout.write(JSON.stringify({ type: token.token_type, whoami, escaped, streams, bearer, seen }));
