/*
 * A manager's question in a real browser: what should we run, what will it cost a month, and what
 * is as good? From the start page in at most three clicks, on results like those of the shipped
 * examples; then the same answer on a read-only link, and the newcomer's pages.
 */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ImportedExperiment } from '../../server/contracts/index.js'
import { type Server, until } from '../support/bancada.js'
import { faultsOf, violationsOn } from '../support/chromium.js'
import { describeWith } from '../support/services.js'
import { Stage } from '../support/stage.js'

/** Right answers of the first items, each answer at one price and time. */
function results(name: string, runs: Record<string, { right: number; costUsd: number | null; latencyMs: number }>): ImportedExperiment {
  return {
    name, dataset: 'spam', source: { tool: 'test', files: [] }, metrics: [{ id: 'accuracy', higherIsBetter: true }], tags: [], notes: '',
    runs: Object.entries(runs).map(([run, { right, costUsd, latencyMs }]) => ({
      name: run, params: {}, durationMs: 0,
      examples: Array.from({ length: 120 }, (_, index) => ({
        itemId: `i${index}`, cluster: null, input: `in ${index}`, output: 'ham', target: 'ham', status: 'scored' as const, scores: { accuracy: index < right ? 1 : 0 }, error: null,
        latencyMs: latencyMs + (index % 7), ttftMs: null, tokensIn: 10, tokensOut: 1, costUsd, details: {},
      })),
    })),
  }
}

describeWith('Chromium', 'the answer for a manager', () => {
  let stage: Stage
  let server: Server
  let page: Page
  let faults: string[]

  beforeAll(async () => {
    stage = await Stage.open()
    server = stage.server
    await server.post('/api/import', { experiments: [
      results('Prompts', { 'shots=0': { right: 64, costUsd: 0.0005, latencyMs: 200 }, 'shots=8': { right: 66, costUsd: 0.002, latencyMs: 900 } }),
      results('Ranks', { 'rank=4': { right: 105, costUsd: 0.004, latencyMs: 60 }, 'rank=16': { right: 103, costUsd: 0.004, latencyMs: 40 } }),
      results('Local', { 'own machine': { right: 100, costUsd: null, latencyMs: 30 } }),
    ] })
    const context = await stage.browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US' })
    page = await context.newPage()
    faults = faultsOf(page)
  })
  afterAll(() => stage?.close())

  async function expectAccessible(on: Page = page): Promise<void> {
    expect(await violationsOn(on)).toEqual([])
  }
  const choice = () => page.getByTestId('choice').textContent()

  it('stands one click from the start page, and moves with what is asked for', async () => {
    await page.goto(server.url)
    await page.getByRole('link', { name: 'Cost and accuracy' }).click()
    // 120 items, 15 wrong, at 10 cents and 100,000 a month: $400 to run it and $1,250 for errors.
    await until(choice, (text) => /Choose rank=4: the lowest expected cost.*\$1,650 .*95 % interval.*\$400\.00 to run it and \$1,250 for errors/.test((text ?? '').replaceAll('\u00a0', ' ')))
    await page.getByText(/Not distinguishable from it: rank=16/).waitFor()
    await page.getByText('Cheaper to run is shots=0').waitFor()
    await expectAccessible()

    await page.getByRole('spinbutton', { name: 'Price of an error' }).fill('0.0001')
    await until(choice, (text) => text?.startsWith('Choose shots=0') === true)
    await page.getByRole('spinbutton', { name: /Lowest Accuracy/ }).fill('80')
    await until(choice, (text) => /^Choose rank=(4|16)/.test(text ?? ''))
    await until(async () => new URL(page.url()).search, (search) => search.includes('error=0.0001') && search.includes('min=0.8'))
    // A link brings the same answer back, and a price of the hour lets the unpriced run compete.
    const before = await choice()
    await page.reload()
    await until(choice, (text) => text === before)
    await page.getByRole('spinbutton', { name: 'Price of a machine hour' }).fill('1')
    await until(choice, (text) => text?.startsWith('Choose own machine') === true)
  })

  it('is read by a link that leads nowhere else', async () => {
    await page.getByRole('button', { name: 'Share' }).click()
    await page.getByRole('button', { name: 'Make a link' }).click()
    const address = await page.getByRole('group', { name: 'Link' }).locator('code').textContent()
    await expectAccessible()
    const reader = await (await stage.browser.newContext({ locale: 'pt-BR' })).newPage()
    const asked: string[] = []
    reader.on('request', (request) => request.url().includes('/api/') && asked.push(new URL(request.url()).pathname.replace(/[\w-]{22}$/, 'TOKEN')))
    await reader.goto(address ?? '')
    await reader.getByText(/Escolha own machine: o menor custo esperado/).waitFor()
    await expectAccessible(reader)
    expect([...new Set(asked)]).toEqual(['/api/shares/TOKEN'])
    await page.getByRole('button', { name: /^Revoke/ }).click()
    await page.getByText('The link leads nowhere now.').waitFor()
    expect((await fetch(`${server.url}/api/shares/${address?.split('/').at(-1)}`)).status).toBe(404)
  })

  it('explains memory and sampling with figures that can be checked by hand', async () => {
    await page.goto(`${server.url}/capacity`)
    await until(() => page.getByTestId('serving-memory').textContent(), (text) => text?.startsWith('168') === true)
    await page.getByRole('button', { name: '4', exact: true }).click()
    await until(() => page.getByTestId('serving-memory').textContent(), (text) => text?.startsWith('42') === true)
    await expectAccessible()
    await page.goto(`${server.url}/sampling`)
    const chance = (place: number) => page.getByTestId(`chance-${place}`).textContent()
    await until(() => chance(0), (text) => text?.startsWith('54.1') === true)
    await page.getByRole('spinbutton', { name: 'Top-k' }).fill('2')
    await page.keyboard.press('Tab')
    await until(async () => [await chance(0), await chance(1), await chance(2)].join(' '), (text) => /^59\.9.*40\.1.*cut by top-k/.test(text))
    // The same cut on what the shipped model says after a text.
    await page.getByRole('button', { name: 'Ask the model' }).click()
    const real = page.getByTestId('real-model')
    await real.getByRole('row', { name: /␣States/ }).waitFor({ timeout: 300_000 })
    await until(() => real.getByTestId('chance-2').textContent(), (text) => text === 'cut by top-k')
    expect(Number.parseFloat((await real.getByTestId('chance-0').textContent()) ?? '')).toBeGreaterThan(50)
    await expectAccessible()
    expect(faults).toEqual([])
  })
})
