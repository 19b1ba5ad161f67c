// The npm package oidc-provider as its quick start sets it up: its own pages for development, its store in memory.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const { PORT, CLIENT_SECRET, REDIRECT_URI, KEYS } = process.env;
const jwks = JSON.parse(readFileSync(KEYS, 'utf8'));
const id_token_signed_response_alg = jwks.keys[0].kty === 'RSA' ? 'RS256' : 'ES256';
const provider = new Provider(`http://localhost:${PORT}`, {
  clients: [{ client_id: 'latchkey', client_secret: CLIENT_SECRET, redirect_uris: [REDIRECT_URI], id_token_signed_response_alg }],
  claims: { email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
  cookies: { keys: ['of these tests alone'] },
  jwks,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@there.example`, email_verified: true, name: `Somebody ${id}`, preferred_username: id }),
  }),
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(Number(PORT));
