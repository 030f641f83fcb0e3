// An OpenID provider on loopback: id tokens through the code flow, JWT access tokens to clients, all signed with ES256.
// Argument 1 is a second address where logins come back to. Prints its issuer as one line once it listens; ends with its
// standard input.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [, , callback] = process.argv;
const jwk = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'one' };
const resource = { scope: 'api', audience: 'https://leasehold.example', accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
const common = { id_token_signed_response_alg: 'ES256' };
const configuration = {
  jwks: { keys: [jwk] },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  cookies: { keys: ['a test needs no secret'] },
  clients: [
    { ...common, client_id: 'leasehold', token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris: ['https://client.example/cb', callback], response_types: ['code'], grant_types: ['authorization_code'] },
    { ...common, client_id: 'machine', client_secret: 'machine-secret', redirect_uris: [], response_types: [], grant_types: ['client_credentials'] },
  ],
  claims: { openid: ['sub', 'groups'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, groups: id === 'bob' ? ['eng'] : [] }) }),
  ttl: { IdToken: 600, AccessToken: 300, ClientCredentials: 300, Interaction: 300, Grant: 300, Session: 300 },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => undefined, getResourceServerInfo: () => resource },
  },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  process.stdout.write(`${issuer}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
