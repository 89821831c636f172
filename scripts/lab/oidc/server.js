// A certified OpenID provider (oidc-provider) on 127.0.0.1, for tests.
//
// Takes one line of JSON on standard input, {"clients": {ID: {"secret", "groups", "method"}}, "audience", "lifetime",
// "keys": JWK set}, and prints {"issuer"} once it listens. Every further line is a JWK set to sign with from then on.
// A scope "opaque" gives opaque access tokens, anything else JWTs (RFC 9068). Ends with its standard input.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = JSON.parse((await lines.next()).value);
const store = new Map();

// Outlives the provider, which is made anew with each set of keys: as a provider with a database.
class Adapter {
  constructor(name) { this.name = name; }
  key(id) { return `${this.name}:${id}`; }
  async upsert(id, payload) { store.set(this.key(id), payload); }
  async find(id) { return store.get(this.key(id)); }
  async findByUid() { return undefined; }
  async findByUserCode() { return undefined; }
  async destroy(id) { store.delete(this.key(id)); }
  async consume() {}
  async revokeByGrantId() {}
}

const clients = Object.entries(told.clients).map(([id, client]) => ({
  client_id: id,
  client_secret: client.secret,
  token_endpoint_auth_method: client.method ?? 'client_secret_basic',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
}));

const provider = (issuer, jwks) => new Provider(issuer, {
  adapter: Adapter,
  clients,
  jwks,
  scopes: ['jwt', 'opaque'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
  ttl: { ClientCredentials: told.lifetime },
  extraTokenClaims: (_ctx, token) => ({ groups: told.clients[token.clientId]?.groups ?? [] }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (ctx) => ({
        scope: 'jwt opaque',
        audience: told.audience,
        accessTokenFormat: ctx.oidc.params.scope === 'opaque' ? 'opaque' : 'jwt',
        accessTokenTTL: told.lifetime,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

let handle;
const server = createServer((request, response) => handle(request, response));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
handle = provider(issuer, told.keys).callback();
console.log(JSON.stringify({ issuer }));
for await (const line of lines) {
  handle = provider(issuer, JSON.parse(line)).callback();
  console.log(JSON.stringify({ rotated: true }));
}
process.exit(0);
