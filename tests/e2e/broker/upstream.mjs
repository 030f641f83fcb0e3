// An OpenID provider on loopback: people log in at it, and it authorizes the tool server of argument 1. Argument 2 is where
// logins come back to. Clients register themselves; refresh tokens rotate; tokens can be revoked. Prints its issuer as one
// line once it listens; ends with its standard input.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [, , toolServer, callback] = process.argv;
const jwk = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'one' };
const resource = { scope: 'api', audience: toolServer, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
const configuration = {
  jwks: { keys: [jwk] },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  cookies: { keys: ['a test needs no secret'] },
  clients: [
    { client_id: 'leasehold', token_endpoint_auth_method: 'none', redirect_uris: [callback], response_types: ['code'], grant_types: ['authorization_code'], application_type: 'native' },
  ],
  rotateRefreshToken: true,
  ttl: { IdToken: 600, AccessToken: 300, RefreshToken: 3600, Interaction: 300, Grant: 3600, Session: 300 },
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, asked) => { if (asked !== toolServer) throw new Error('no such resource'); return resource; },
      useGrantedResource: () => true,
    },
  },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  process.stdout.write(`${issuer}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
