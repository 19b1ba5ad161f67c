// How the app signs users in, and what it does when tokens end and answers are lost.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { startProvider } from './provider.js'
import { createShop } from './shop.js'

let provider, shop

before(async () => {
  provider = await startProvider()
  const { client_id, client_secret } = provider.clients[0]
  shop = await createShop(provider.issuer, client_id, client_secret)
})
after(() => provider.stop())
beforeEach(() => provider.reset())

// A browser keeps a cookie.
function newBrowser() {
  let cookie = ''
  return async address => {
    const response = await shop(new Request(new URL(address, 'http://localhost/'), { headers: { cookie } }))
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response
  }
}

async function signedIn(username) {
  const browser = newBrowser()
  await browser(await provider.signIn(username, (await browser('/login')).headers.get('location')))
  return browser
}

test('a stranger is asked to sign in', async () => {
  assert.equal((await newBrowser()('/me')).status, 401)
})

test('a user signs in', async () => {
  const alice = await signedIn('alice')
  assert.equal((await (await alice('/me')).json()).email, 'alice@example.org')
})

test('an answer for another browser is refused', async () => {
  const [one, other] = [newBrowser(), newBrowser()]
  await other('/login')
  const answer = await provider.signIn('alice', (await one('/login')).headers.get('location'))
  assert.equal((await other(answer)).status, 400)
})

test('an expired access token is renewed', async () => {
  const alice = await signedIn('alice')
  await provider.advance('6m')
  assert.equal((await alice('/me')).status, 200)
})

test('a lost answer signs nobody out', async () => {
  const alice = await signedIn('alice')
  await provider.advance('6m')
  await provider.fail('token_endpoint', 'lost')
  assert.equal((await alice('/me')).status, 200)
})

test('who was away for too long signs in again', async () => {
  const alice = await signedIn('alice')
  await provider.advance('31d')
  assert.equal((await alice('/me')).status, 401)
})

test('a provider that is down signs nobody out', async () => {
  const alice = await signedIn('alice')
  await provider.fail('userinfo_endpoint', 'status', { status: 503 })
  assert.equal((await alice('/me')).status, 503)
  assert.equal((await alice('/me')).status, 200)
})
