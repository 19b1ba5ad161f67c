// An API of orders, with jose: it verifies access tokens by the published keys, with no call per request (RFC 9068 4).
import { createServer } from 'node:http'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const { ISSUER = 'http://localhost:8080', AUDIENCE = 'https://api.example.com', PORT = '9104' } = process.env

const metadata = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json()
if (metadata.issuer !== ISSUER) throw new Error(`${ISSUER} says that it is ${metadata.issuer}`)
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))

// Whose token it is. Callers never hear what is wrong with it, the log does.
async function verified(request) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() !== 'bearer') throw new Refused(401, 'Bearer realm="orders"')
  try {
    const { payload } = await jwtVerify(token ?? '', keys, {
      issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['RS256'], clockTolerance: 5,
      requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
    })
    if (payload.cnf) throw new errors.JWTInvalid('a sender-constrained token was sent as Bearer') // RFC 9449 7.1
    return payload
  } catch (error) {
    const keysAway = !(error instanceof errors.JOSEError) || ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'].includes(error.code)
    console.error(keysAway ? 'the keys cannot be fetched:' : 'access token refused:', error.message)
    throw keysAway ? new Refused(503) : new Refused(401, 'Bearer error="invalid_token"')
  }
}

// What a route asks of the caller; both: the app may (scope), and the user may (role).
function check(claims, { scope, role }) {
  const scopes = typeof claims.scope === 'string' ? claims.scope.split(' ') : []
  const roles = Array.isArray(claims.roles) ? claims.roles : []
  if ((scope && !scopes.includes(scope)) || (role && !roles.includes(role))) {
    throw new Refused(403, `Bearer error="insufficient_scope", scope="${scope}"`)
  }
}

// The answers of RFC 6750 3, and 503 where nothing can be decided.
class Refused extends Error {
  constructor(status, challenge) {
    super(`refused with ${status}`)
    this.status = status
    this.headers = challenge ? { 'WWW-Authenticate': challenge } : { 'Retry-After': '1' }
  }
}

const PUBLIC = null
const routes = [
  ['GET', /^\/$/, PUBLIC, () => ({ orders: 'GET /me, GET /orders, DELETE /orders/ID' })],
  ['GET', /^\/me$/, {}, claims => ({ sub: claims.sub, client_id: claims.client_id, scope: claims.scope })],
  ['GET', /^\/orders$/, { scope: 'orders:read' }, claims => ({ orders: [1, 2], asked_by: claims.sub })],
  ['DELETE', /^\/orders\/(\d+)$/, { scope: 'orders:write', role: 'clerk' }, (claims, id) => ({ removed: id, by: claims.sub })],
]

async function answer(request) {
  const path = request.url.split('?')[0]
  const [, pattern, rule, handler] = routes.find(([method, pattern]) => method === request.method && pattern.test(path)) ?? []
  if (rule === PUBLIC) return [200, handler()]
  const claims = await verified(request) // what there is not is closed too
  if (!handler) return [404, {}]
  check(claims, rule)
  return [200, handler(claims, ...pattern.exec(path).slice(1))]
}

createServer(async (request, response) => {
  const [status, body, headers] = await answer(request).catch(error => [error.status ?? 500, {}, error.headers])
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(`${JSON.stringify(body)}\n`)
}).listen(Number(PORT), '127.0.0.1')
