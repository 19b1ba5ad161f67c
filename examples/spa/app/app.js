// A single-page app that holds no token: it calls its own origin, and the backend-for-frontend does the rest.
const by = id => document.getElementById(id)

// Each call, and what came of it, on the page.
async function call(path, options = {}) {
  const began = performance.now()
  const answer = await fetch(path, { ...options, headers: { ...options.headers, 'X-Latchkey-BFF': '1' } })
  const line = document.createElement('li')
  line.textContent = `${options.method ?? 'GET'} ${path} ${answer.status}, ${Math.round(performance.now() - began)} ms`
  by('wire').append(line)
  return answer
}

const signIn = () => location.assign(`/bff/login?return_to=${encodeURIComponent(`/${location.hash}`)}`)
const ended = answer => answer.status === 401 && answer.headers.get('Latchkey-Session') === 'ended'

function show(...parts) {
  by('page').replaceChildren(...parts.map(part => {
    if (part instanceof Node) return part
    const paragraph = document.createElement('p')
    paragraph.textContent = part
    return paragraph
  }))
}

function button(text, action) {
  const made = document.createElement('button')
  made.textContent = text
  made.addEventListener('click', action)
  return made
}

// Which page is for whom is for show here: the API decides.
async function orders() {
  const answer = await call('/api/orders')
  if (ended(answer)) return show('Only users see this.', button('Sign in', signIn))
  show(answer.ok ? `Orders: ${(await answer.json()).orders.join(', ')}` : `The API says ${answer.status}.`)
}

async function clerk() {
  const user = await whoIsIt()
  if (!user) return show('Only clerks see this.', button('Sign in', signIn))
  const remove = async () => {
    const answer = await call('/api/orders/7', { method: 'DELETE' })
    if (ended(answer)) return signIn()
    show(answer.ok ? 'Order 7 is gone.' : `The API says ${answer.status}: you are no clerk.`)
  }
  show(`Signed in as ${user.name}.`, button('Remove order 7', remove))
}

async function whoIsIt() {
  const answer = await call('/bff/user')
  return answer.ok ? answer.json() : null
}

async function signOut() {
  const answer = await call('/bff/logout', { method: 'POST' })
  if (!answer.ok && !ended(answer)) return show('You are still signed in. Try again.')
  location.assign('/bff/logout') // ends the session at the provider, too
}

async function start() {
  const user = await whoIsIt()
  by('user').replaceChildren(user ? `${user.name} ` : '', user ? button('Sign out', signOut) : button('Sign in', signIn))
  const page = { '#/orders': orders, '#/clerk': clerk }[location.hash] ?? (() => show('Everybody sees this.'))
  await page()
}

addEventListener('hashchange', start)
start()
