// A web app with sign-in, by openid-client. The browser has a cookie of the app's, and no access token.
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'

const { ISSUER = 'http://localhost:8080', CLIENT_ID = 'web-app', CLIENT_SECRET, PORT = '3000', HERE = `http://localhost:${PORT}` } = process.env
const onThisMachine = new URL(ISSUER).hostname === 'localhost'
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, { execute: onThisMachine ? [oidc.allowInsecureRequests] : [] })
const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))

// Sign-ins that have begun, and users who are signed in, each by the value of a cookie. A real app keeps them in its database.
const LIFETIME = 12 * 3600 // seconds
const begun = new Map()
const sessions = new Map()
const ended = new Set()

const secure = HERE.startsWith('https:')
const name = kind => (secure ? `__Host-${kind}` : kind)
const cookie = (kind, value, life) => `${name(kind)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${life}${secure ? '; Secure' : ''}`
const sent = (request, kind) => request.headers.cookie?.split('; ').find(one => one.startsWith(`${name(kind)}=`))?.slice(name(kind).length + 1)
const random = () => randomBytes(32).toString('base64url')
// A sign-in has a cookie of its own, named for its state: two tabs may sign in at once.
const signIn = state => `begun-${createHash('sha256').update(state ?? '').digest('hex').slice(0, 8)}`
const signIns = request => (request.headers.cookie ?? '').split('; ').filter(one => one.startsWith(name('begun-'))).map(one => one.split('=')[0].slice(name('').length))

async function login(request) {
  const [id, verifier, state, nonce] = [random(), oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()]
  begun.set(id, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce })
  if (begun.size > 10_000) begun.delete(begun.keys().next().value)
  const to = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${HERE}/callback`, scope: 'openid profile email', state, nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  // They travel with each request: a browser has four at the most, and this one.
  const before = signIns(request)
  const gone = before.length < 4 ? [] : before.map(kind => cookie(kind, '', 0))
  return redirect(to.href, [...gone, cookie(signIn(state), id, 600)])
}

async function callback(request) {
  const url = new URL(request.url, HERE)
  const kind = signIn(url.searchParams.get('state'))
  const expected = begun.get(sent(request, kind))
  begun.delete(sent(request, kind))
  if (!expected) return [400, 'this sign-in was not started in this browser']
  // Exchanges the code, and verifies the answer's state and iss, the ID token's signature by way of TLS, its iss, aud, exp and nonce.
  const tokens = await oidc.authorizationCodeGrant(config, url, { ...expected, idTokenExpected: true })
  const user = tokens.claims()
  if (ended.has(user.sid)) return [400, 'this session has ended meanwhile']
  const id = random() // a new one: what the browser had before ends
  sessions.delete(sent(request, 'session'))
  for (const [old, { ends }] of sessions) if (Date.now() >= ends) sessions.delete(old)
  sessions.set(id, { user, idToken: tokens.id_token, ends: Date.now() + 1000 * LIFETIME })
  return redirect('/', [cookie(kind, '', 0), cookie('session', id, LIFETIME)])
}

// Whose session it is. It ends here: what the cookie says is the browser's to keep, or not.
function current(request) {
  const session = sessions.get(sent(request, 'session'))
  return session && Date.now() < session.ends ? session : undefined
}

function home(request) {
  const session = current(request)
  return [200, session ? `signed in: ${session.user.email} ${session.user.name}` : 'signed out']
}

// Ends the app's session, then Latchkey's.
function logout(request) {
  if (request.headers['sec-fetch-site'] === 'cross-site') return [403, 'no other site signs users out']
  const session = current(request)
  sessions.delete(sent(request, 'session'))
  const to = oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: `${HERE}/`, ...(session && { id_token_hint: session.idToken }) })
  return redirect(to.href, cookie('session', '', 0))
}

// A session has ended at Latchkey: OpenID Connect Back-Channel Logout 1.0, 2.6.
async function backchannelLogout(request) {
  let body = ''
  for await (const part of request) if ((body += part).length > 16_384) return [400, 'too long']
  try {
    const { payload } = await jwtVerify(new URLSearchParams(body).get('logout_token') ?? '', keys, {
      issuer: ISSUER, audience: CLIENT_ID, typ: 'logout+jwt', algorithms: ['RS256'], requiredClaims: ['iat', 'exp', 'jti', 'sid'],
    })
    if (!payload.events?.['http://schemas.openid.net/event/backchannel-logout'] || 'nonce' in payload) throw new Error('no logout token')
    ended.add(payload.sid) // for a sign-in that is on its way
    setTimeout(() => ended.delete(payload.sid), 120_000).unref()
    for (const [id, { user }] of sessions) if (user.sid === payload.sid) sessions.delete(id)
    return [200, '']
  } catch (error) {
    return [400, error.message]
  }
}

const redirect = (to, setCookie) => [303, '', { Location: to, 'Set-Cookie': setCookie }]
const routes = { 'GET /': home, 'GET /login': login, 'GET /callback': callback, 'POST /logout': logout, 'POST /backchannel-logout': backchannelLogout }

createServer(async (request, response) => {
  const route = routes[`${request.method} ${request.url.split('?')[0]}`]
  const answer = route ? Promise.resolve(request).then(route) : [404, 'not found']
  const [status, text, headers] = await Promise.resolve(answer).catch(error => [400, `sign-in failed: ${error.message}`])
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', ...headers }).end(text && `${text}\n`)
}).listen(Number(PORT), '127.0.0.1')
