// The npm package oidc-provider with an in-memory store, beside which the benchmark measures Latchkey.
// Two apps: "bench" is given JWT access tokens; "opaque" is given opaque ones, the only kind this package introspects and takes at userinfo.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import argon2 from 'argon2';
import { Provider } from 'oidc-provider';

const [port, secret] = [Number(process.env.PORT), process.env.SECRET];
const issuer = `http://127.0.0.1:${port}`;

// Nothing is ever thrown away: the package's own store keeps a thousand entries, which a benchmark soon drives out.
const stored = new Map();
class Memory {
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model}:${id}`;
  }
  async upsert(id, payload) {
    stored.set(this.key(id), payload);
    if (payload.uid) stored.set(`uid:${payload.uid}`, id);
    if (payload.grantId) {
      const members = stored.get(`members:${payload.grantId}`);
      if (members) members.push(this.key(id));
      else stored.set(`members:${payload.grantId}`, [this.key(id)]);
    }
  }
  async find(id) {
    return stored.get(this.key(id));
  }
  async findByUid(uid) {
    return this.find(stored.get(`uid:${uid}`));
  }
  async consume(id) {
    stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    stored.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const key of stored.get(`members:${grantId}`) ?? []) stored.delete(key);
    stored.delete(`members:${grantId}`);
  }
}

const app = (client_id) => ({
  client_id,
  client_secret: secret,
  redirect_uris: ['https://bench.example/cb'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  token_endpoint_auth_method: 'client_secret_basic',
});

// OWASP's parameters, as Latchkey's.
const password = await argon2.hash('correct horse', { type: argon2.argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 });
const claims = { sub: 'bench', name: 'bench', preferred_username: 'bench', email: 'bench@example.org', email_verified: false };
const api = 'https://api.example';
const hours = 3600;

const provider = new Provider(issuer, {
  adapter: Memory,
  clients: [app('bench'), app('opaque')],
  jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: '1' }] },
  routes: { authorization: '/authorize', token: '/token', userinfo: '/userinfo', introspection: '/introspect', jwks: '/jwks.json' },
  claims: { profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  scopes: ['openid', 'offline_access'],
  cookies: { keys: undefined },
  pkce: { required: () => false },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  conformIdTokenClaims: true,
  ttl: { AccessToken: hours, AuthorizationCode: hours, ClientCredentials: hours, Grant: 24 * hours, IdToken: hours, Interaction: hours, RefreshToken: 24 * hours, Session: 24 * hours },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, client) => (client.clientId === 'bench' ? api : undefined),
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'openid profile email', audience: api, accessTokenFormat: 'jwt', accessTokenTTL: hours, jwt: { sign: { alg: 'RS256' } } }),
    },
  },
  findAccount: (_, accountId) => ({ accountId, claims: () => claims }),
  // A trusted app: nothing is asked.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    if (known) return provider.Grant.find(known);
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile email offline_access');
    grant.addResourceScope(api, 'openid profile email');
    await grant.save();
    return grant;
  },
});

const form = `<!doctype html><title>Sign in</title><form method="post"><input type="hidden" name="csrf" value="none"><input name="username"><input name="password" type="password"><button>Sign in</button></form>`;

async function body(request) {
  let text = '';
  for await (const part of request) text += part;
  return new URLSearchParams(text);
}

async function signIn(request, response) {
  await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.setHeader('Content-Length', form.length);
    response.end(form);
    return;
  }
  const given = await body(request);
  if (given.get('username') === 'bench' && (await argon2.verify(password, given.get('password')))) {
    await provider.interactionFinished(request, response, { login: { accountId: 'bench' } }, { mergeWithLastSubmission: false });
  } else {
    response.statusCode = 401;
    response.end();
  }
}

const answer = provider.callback();
const server = createServer((request, response) => {
  if (request.url === '/readyz') response.end('ok');
  else if (request.url.startsWith('/interaction/')) signIn(request, response).catch((e) => { console.error(e); response.statusCode = 500; response.end(); });
  else answer(request, response);
});
// As many keep-alive requests as the driver likes.
server.keepAliveTimeout = 600_000;
server.maxRequestsPerSocket = 0;
provider.on('server_error', (_, error) => console.error(error));
server.listen(port, '127.0.0.1');
