// openid-client against our server: discovery, token exchange, introspection, revocation. Asked on standard input with
// one JSON object, answers with one on standard output.
import { readFileSync } from 'node:fs';
import * as oauth from 'openid-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const options = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] };
const bearing = (token) => (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${token}`);
const found = (authentication) => oauth.discovery(new URL(asked.issuer), asked.agent, undefined, authentication, options);
const exchange = (config, more) => oauth.genericGrantRequest(config, asked.grant_type, { subject_token: asked.subject_token, subject_token_type: asked.subject_token_type, ...more });

const config = await found(oauth.None());
const token = await exchange(config, { resource: asked.resource });
const refused = await exchange(config, { resource: 'https://nobody.example/mcp' }).then(
  () => { throw new Error('a resource that nobody offers was granted'); },
  (error) => ({ error: error.error, status: error.status }),
);
const reader = await found(bearing(asked.reader));
const before = await oauth.tokenIntrospection(reader, token.access_token);
await oauth.tokenRevocation(config, token.access_token);
const after = await oauth.tokenIntrospection(reader, token.access_token);
process.stdout.write(JSON.stringify({ server: config.serverMetadata(), token, refused, before, after }));
