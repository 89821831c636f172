// A certified OpenID provider (oidc-provider) on 127.0.0.1, for tests.
//
// Takes one line of JSON on standard input, {"clients": {ID: {"secret", "groups", "method"}}, "audience", "lifetime",
// "keys": JWK set, "platforms": {ISS: {"audience", "keys", "groups"}}}, and prints {"issuer"} once it listens. Every further
// line is a JWK set to sign with from then on. A scope "opaque" gives opaque access tokens, anything else JWTs (RFC 9068).
// A client with "exchanges" may exchange tokens of the platforms (RFC 8693). Ends with its standard input.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { errors, Provider } from 'oidc-provider';

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

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:';

const clients = Object.entries(told.clients).map(([id, client]) => ({
  client_id: id,
  client_secret: client.secret,
  token_endpoint_auth_method: client.method ?? 'client_secret_basic',
  grant_types: ['client_credentials', ...(client.exchanges ? [EXCHANGE] : [])],
  response_types: [],
  redirect_uris: [],
}));

const claimsOf = (_ctx, token) => token.extra ?? { groups: told.clients[token.clientId]?.groups ?? [] };
const serverOf = (scope) => ({
  scope: 'jwt opaque',
  audience: told.audience,
  accessTokenFormat: scope === 'opaque' ? 'opaque' : 'jwt',
  accessTokenTTL: told.lifetime,
  jwt: { sign: { alg: 'RS256' } },
});

// Who the platform's token names, if the platform signed it, for this provider, and it has not ended.
async function subjectOf(params) {
  const { subject_token: text, subject_token_type: type, requested_token_type: wanted = `${TYPE}access_token` } = params;
  if (!text || !type) throw new errors.InvalidRequest('subject_token and subject_token_type are required');
  if (type !== `${TYPE}jwt`) throw new errors.InvalidRequest('subject_token_type is not supported');
  if (wanted !== `${TYPE}access_token`) throw new errors.InvalidRequest('requested_token_type is not supported');
  try {
    const { iss } = decodeJwt(text);
    const platform = Object.hasOwn(told.platforms, iss) ? told.platforms[iss] : undefined;
    if (!platform) throw new Error('a token of nobody that is known here');
    const { payload } = await jwtVerify(text, createLocalJWKSet(platform.keys), {
      issuer: iss, audience: platform.audience, algorithms: ['RS256'], requiredClaims: ['sub', 'exp'],
    });
    return { subject: payload.sub, groups: platform.groups };
  } catch {
    // RFC 8693, 2.2.2: a token that is invalid for any reason is an invalid request.
    throw new errors.InvalidRequest('the subject token is not valid');
  }
}

async function exchange(ctx) {
  const { AccessToken, ResourceServer } = ctx.oidc.provider;
  const { client, params } = ctx.oidc;
  const { subject, groups } = await subjectOf(params);
  if (params.audience !== told.audience) throw new errors.InvalidTarget();
  const token = new AccessToken({
    accountId: subject,
    client,
    extra: { groups },
    gty: EXCHANGE,
    resourceServer: new ResourceServer(told.audience, serverOf(params.scope)),
    scope: params.scope,
  });
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: `${TYPE}access_token`,
    token_type: token.tokenType,
    expires_in: token.expiration,
  };
}

function provider(issuer, jwks) {
  const made = new Provider(issuer, configuration(jwks));
  const params = ['audience', 'requested_token_type', 'scope', 'subject_token', 'subject_token_type'];
  made.registerGrantType(EXCHANGE, exchange, params);
  return made;
}

const configuration = (jwks) => ({
  adapter: Adapter,
  clients,
  jwks,
  scopes: ['jwt', 'opaque'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
  ttl: { AccessToken: told.lifetime, ClientCredentials: told.lifetime },
  extraTokenClaims: claimsOf,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (ctx) => serverOf(ctx.oidc.params.scope),
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
