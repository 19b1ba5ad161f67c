// An API of orders, with jose: it verifies access tokens by the published keys, with no call per request (RFC 9068 4).
// What the issuer ends early (a sign-out, a disabled user) it hears of within seconds, by status lists.
import { createServer } from 'node:http'
import { inflateSync } from 'node:zlib'
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
    if (await isRevoked(payload)) throw new errors.JWTInvalid('the token was revoked')
    return payload
  } catch (error) {
    const keysAway = !(error instanceof errors.JOSEError) || ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'].includes(error.code)
    console.error(keysAway ? 'nothing can be decided:' : 'access token refused:', error.message)
    throw keysAway ? new Refused(503) : new Refused(401, 'Bearer error="invalid_token"')
  }
}

// Whether the issuer has ended the token early: its bit in a list that the issuer signs (Token Status List). A list is fetched again
// after its ttl; where that fails, the one that is there counts until it expires. Then nothing can be decided.
const lists = new Map()

async function isRevoked({ status }) {
  if (!status?.status_list) {
    if (metadata.status_list_aggregation_endpoint) throw new errors.JWTInvalid('the token has no status')
    return false
  }
  const { uri, idx } = status.status_list
  const bits = await bitsAt(uri)
  if (!(idx >= 0 && idx < 8 * bits.length)) throw new errors.JWTInvalid('the token is in no list')
  return ((bits[idx >> 3] >> (idx & 7)) & 1) === 1
}

// A clock that nobody sets.
const now = () => performance.now()

async function bitsAt(uri) {
  if (!lists.has(uri)) {
    for (const [other, { asking, ends }] of lists) if (!asking && now() >= ends) lists.delete(other)
    lists.set(uri, { again: 0, ends: 0, failed: false })
  }
  const list = lists.get(uri)
  if (now() >= list.again) list.asking ??= ask(uri, list)
  // One fetch, for which all wait. While the issuer is away nobody does: the list that is there counts until it ends.
  if (list.asking && !list.failed) await list.asking
  if (now() >= list.ends) throw new Error('there is no status list that counts')
  return list.bits
}

async function ask(uri, list) {
  try {
    const answer = await fetch(uri, { headers: { Accept: 'application/statuslist+jwt' }, redirect: 'error', signal: AbortSignal.timeout(2000) })
    if (!answer.ok) throw new Error(`it answers ${answer.status}`)
    const { payload } = await jwtVerify(await answer.text(), keys, {
      issuer: ISSUER, subject: uri, typ: 'statuslist+jwt', algorithms: ['RS256'], requiredClaims: ['exp', 'ttl'],
    })
    if (payload.status_list?.bits !== 1) throw new Error('it is no list of single bits')
    const bits = inflateSync(Buffer.from(payload.status_list.lst, 'base64url'), { maxOutputLength: 131_072 })
    const ends = now() + 1000 * payload.exp - Date.now()
    Object.assign(list, { bits, ends, again: Math.min(ends, now() + 1000 * payload.ttl), failed: false })
  } catch (error) {
    console.error(`${uri}: ${error.message}`)
    Object.assign(list, { again: now() + 1000, failed: true })
  } finally {
    list.asking = undefined
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
  const [status, body, headers] = await answer(request).catch(error => {
    if (!error.status) console.error(error)
    return [error.status ?? 500, {}, error.headers]
  })
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(`${JSON.stringify(body)}\n`)
}).listen(Number(PORT), '127.0.0.1')
