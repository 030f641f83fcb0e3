// openid-client as a public client: registers itself and says where the browser goes; redeems what came back; refreshes.
// Asked on standard input, answers on standard output, with JSON.
import { readFileSync } from 'node:fs';
import * as oauth from 'openid-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const insecure = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] };
const imported = ({ kty, crv, x, y, d }, use) => crypto.subtle.importKey('jwk', { kty, crv, x, y, d }, { name: 'ECDSA', namedCurve: 'P-256' }, true, [use]);
const metadata = { client_name: 'Terminal', redirect_uris: [asked.redirect_uri], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' };
const config = asked.client_id
  ? await oauth.discovery(new URL(asked.issuer), asked.client_id, undefined, oauth.None(), insecure)
  : await oauth.dynamicClientRegistration(new URL(asked.issuer), metadata, oauth.None(), insecure);
const keys = asked.key
  ? { privateKey: await imported(asked.key, 'sign'), publicKey: await imported({ ...asked.key, d: undefined }, 'verify') }
  : await oauth.randomDPoPKeyPair('ES256', { extractable: true });
const DPoP = oauth.getDPoPHandle(config, keys);

const begin = async () => {
  const verifier = oauth.randomPKCECodeVerifier();
  const state = oauth.randomState();
  const parameters = {
    redirect_uri: asked.redirect_uri, resource: asked.resource, state, dpop_jkt: await DPoP.calculateThumbprint(),
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  };
  const url = oauth.buildAuthorizationUrl(config, parameters);
  const key = await crypto.subtle.exportKey('jwk', keys.privateKey);
  return { url: url.href, verifier, state, key, client_id: config.clientMetadata().client_id };
};
const redeem = () => oauth.authorizationCodeGrant(config, new URL(asked.callback), { pkceCodeVerifier: asked.verifier, expectedState: asked.state }, { resource: asked.resource }, { DPoP });
const refresh = () => oauth.refreshTokenGrant(config, asked.refresh_token, { resource: asked.resource }, { DPoP });

process.stdout.write(JSON.stringify(asked.callback ? await redeem() : asked.refresh_token ? await refresh() : await begin()));
