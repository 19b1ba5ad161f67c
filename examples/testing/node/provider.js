// The provider of the tests: `latchkey dev` on a free port.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const seed = fileURLToPath(new URL('../seed.json', import.meta.url))

export async function startProvider() {
  const command = ['dev', '--port', '0', '--no-demo', '--seed', seed]
  const child = spawn(process.env.LATCHKEY ?? 'latchkey', command, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('latchkey dev did not start; standard error says why'))),
  ])
  const told = JSON.parse(line)

  async function call(name, asked, method = 'POST') {
    const response = await fetch(told.dev[name], { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(asked) })
    const said = await response.json()
    if (!response.ok) throw new Error(said.error_description)
    return said
  }

  return {
    ...told,
    // Where the provider sends the browser back to.
    signIn: async (username, authorization_request) => (await call('sign_in', { username, authorization_request })).redirect_to,
    advance: time => call('clock', { advance: time }),
    fail: (endpoint, fault, more) => call('faults', { endpoint, fault, ...more }),
    reset: async () => {
      await call('clock', { reset: true })
      await call('faults', undefined, 'DELETE')
    },
    stop: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}
