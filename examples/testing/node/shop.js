// An app with sign-in: what is tested. The tokens of its visitors stay in its own memory.
import { createHash, randomBytes } from 'node:crypto'

const random = () => randomBytes(32).toString('base64url')
const answer = (status, headers = {}) => new Response(null, { status, headers })

export async function createShop(issuer, clientId, clientSecret) {
  const visits = new Map()
  const provider = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
  const authorization = `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`

  async function askForTokens(tries, form) {
    for (let tried = 0; tried < tries; tried++) {
      try {
        const response = await fetch(provider.token_endpoint, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) })
        if (response.status < 500) return response
      } catch {
        // No answer came. Once more.
      }
    }
    return answer(503)
  }

  const userinfo = tokens => fetch(provider.userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } })

  function login() {
    const [visitor, visit] = [random(), { state: random(), verifier: random() }]
    visits.set(visitor, visit)
    const address = new URL(provider.authorization_endpoint)
    address.search = new URLSearchParams({
      client_id: clientId,
      redirect_uri: 'http://localhost/callback',
      response_type: 'code',
      scope: 'openid email offline_access',
      state: visit.state,
      code_challenge: createHash('sha256').update(visit.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    return answer(303, { location: address.href, 'set-cookie': `visitor=${visitor}; Path=/; HttpOnly; SameSite=Lax` })
  }

  async function callback(params, visit) {
    // The answer is this browser's (RFC 6749 10.12) and this provider's (RFC 9207 2.4).
    if (!visit || params.get('state') !== visit.state || params.get('iss') !== issuer) return answer(400)
    const response = await askForTokens(1, {
      grant_type: 'authorization_code',
      code: params.get('code'),
      redirect_uri: 'http://localhost/callback',
      code_verifier: visit.verifier,
    })
    if (response.status !== 200) return answer(400)
    visit.tokens = await response.json()
    return answer(303, { location: '/me' })
  }

  async function me(visit) {
    if (!visit?.tokens) return answer(401)
    let user = await userinfo(visit.tokens)
    if (user.status === 401) {
      // The same refresh token may be sent again where an answer was lost: it gets the same answer.
      const response = await askForTokens(3, { grant_type: 'refresh_token', refresh_token: visit.tokens.refresh_token })
      if (response.status >= 500) return response
      if (response.status !== 200) {
        visit.tokens = null
        return answer(401)
      }
      Object.assign(visit.tokens, await response.json())
      user = await userinfo(visit.tokens)
    }
    return user.status === 200 ? Response.json(await user.json()) : answer(503)
  }

  return async request => {
    const { pathname, searchParams } = new URL(request.url)
    const visit = visits.get(request.headers.get('cookie')?.match(/visitor=([\w-]+)/)?.[1])
    if (pathname === '/login') return login()
    if (pathname === '/callback') return callback(searchParams, visit)
    return pathname === '/me' ? me(visit) : answer(404)
  }
}
