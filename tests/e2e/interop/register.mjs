// openid-client registers itself with an initial access token, then asks for itself with a key of its own. Asked on
// standard input with one JSON object, answers with one on standard output.
import { readFileSync } from 'node:fs';
import * as oauth from 'openid-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
const metadata = {
  client_name: 'openid-client',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [{ kty, crv, x, y, kid: 'k', alg: 'ES256', use: 'sig' }] },
};
const key = oauth.PrivateKeyJwt({ key: pair.privateKey, kid: 'k' });
const register = () => oauth.dynamicClientRegistration(new URL(asked.issuer), metadata, key, {
  algorithm: 'oauth2', execute: [oauth.allowInsecureRequests], initialAccessToken: asked.initial_access_token,
});

const config = await register();
const token = await oauth.clientCredentialsGrant(config, { resource: asked.resource });
const again = await register().then(
  () => { throw new Error('an initial access token worked twice'); },
  (error) => ({ status: error.status ?? error.cause?.status ?? error.response?.status ?? null }),
);
process.stdout.write(JSON.stringify({ client: config.clientMetadata(), token, again }));
