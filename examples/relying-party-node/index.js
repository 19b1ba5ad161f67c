// A relying party with openid-client. Open http://localhost:9102/ to sign in.
import { createServer } from 'node:http'
import * as oidc from 'openid-client'

const { ISSUER = 'http://localhost:8080', CLIENT_ID = 'example', CLIENT_SECRET } = process.env
const here = 'http://localhost:9102'
// Plain http is for loopback alone.
const execute = ISSUER.startsWith('http://') ? [oidc.allowInsecureRequests] : []
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, oidc.ClientSecretBasic(CLIENT_SECRET), { execute })

// What a sign-in began with stays in the visitor's own browser: an answer that was made for another one is refused.
// On https call the cookie __Host-sign-in and add Secure.
const cookie = (value, seconds) => `sign-in=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`

async function signIn(response) {
  const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()]
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${here}/callback`,
    scope: 'openid email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  response.writeHead(303, { Location: address.href, 'Set-Cookie': cookie(`${state}.${nonce}.${verifier}`, 600) }).end()
}

async function callback(url, request, response) {
  const started = request.headers.cookie?.match(/(?:^|; )sign-in=([^;]+)/)?.[1]
  if (!started) throw new Error('this sign-in was not started in this browser')
  const [expectedState, expectedNonce, pkceCodeVerifier] = started.split('.')
  // Also compares iss (RFC 9207).
  let tokens = await oidc.authorizationCodeGrant(config, url, { expectedState, expectedNonce, pkceCodeVerifier, idTokenExpected: true })
  const { sub } = tokens.claims()
  tokens = await oidc.refreshTokenGrant(config, tokens.refresh_token)
  const user = await oidc.fetchUserInfo(config, tokens.access_token, sub)
  // A real app begins a session of its own here.
  const headers = { 'Content-Type': 'text/plain', 'Set-Cookie': cookie('', 0) }
  response.writeHead(200, headers).end(`signed in: ${sub} ${user.email}\n`)
}

createServer(async (request, response) => {
  try {
    const url = new URL(request.url, here)
    if (url.pathname === '/callback') await callback(url, request, response)
    else await signIn(response)
  } catch (error) {
    response.writeHead(400).end(`${error.message}\n`)
  }
}).listen(9102, '127.0.0.1')
