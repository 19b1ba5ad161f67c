// A relying party with openid-client. Open http://localhost:9102/ to sign in.
import { createServer } from 'node:http'
import * as oidc from 'openid-client'

const { ISSUER = 'http://localhost:8080', CLIENT_ID = 'example', CLIENT_SECRET } = process.env
const here = 'http://localhost:9102'
// Plain http is for loopback alone.
const execute = ISSUER.startsWith('http://') ? [oidc.allowInsecureRequests] : []
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, oidc.ClientSecretBasic(CLIENT_SECRET), { execute })
// Sign-ins under way, by state. A real app keeps this in the visitor's session.
const pending = new Map()

async function signIn(response) {
  const verifier = oidc.randomPKCECodeVerifier()
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
  pending.set(state, { verifier, nonce })
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${here}/callback`,
    scope: 'openid email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  response.writeHead(303, { Location: address.href }).end()
}

async function callback(url, response) {
  const state = url.searchParams.get('state')
  const started = pending.get(state)
  pending.delete(state)
  let tokens = await oidc.authorizationCodeGrant(config, url, {
    pkceCodeVerifier: started?.verifier,
    expectedState: state,
    expectedNonce: started?.nonce,
    idTokenExpected: true,
  })
  const { sub } = tokens.claims()
  tokens = await oidc.refreshTokenGrant(config, tokens.refresh_token)
  const user = await oidc.fetchUserInfo(config, tokens.access_token, sub)
  response.writeHead(200, { 'Content-Type': 'text/plain' }).end(`signed in: ${sub} ${user.email}\n`)
}

createServer(async (request, response) => {
  try {
    const url = new URL(request.url, here)
    if (url.pathname === '/callback') await callback(url, response)
    else await signIn(response)
  } catch (error) {
    response.writeHead(400).end(`${error.message}\n`)
  }
}).listen(9102, '127.0.0.1')
