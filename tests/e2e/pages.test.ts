/**
 * Every page of the dashboard in a real browser: nothing that axe can find keeps anybody out, in
 * either theme; no page is wider than a phone; and a reader of Portuguese meets no English heading.
 * The list of pages is the router's own, so a new page is checked as soon as it exists.
 */
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CreatedExperiment, Example, ImportAnswer } from '../../server/contracts/index.js'
import { PLAIN_PAGES } from '../../web/src/router.js'
import { type Server, until } from '../support/bancada.js'
import { violationsOn } from '../support/chromium.js'
import { describeWith } from '../support/services.js'
import { Stage } from '../support/stage.js'

/** Headings in English that no reader of Portuguese should meet; names of the field's own terms are the same in both. */
const ENGLISH = new Set(['Experiments', 'New experiment', 'Compare', 'System', 'Queue and workers', 'Datasets', 'Runs', 'Notes and tags', 'Experiment file', 'Estimate', 'Parameters', 'Metrics', 'Waiting, in order', 'Running', 'Splits', 'Label balance', 'Items', 'All experiments', 'Matrix', 'Checkpoints and curves', 'Capacity', 'Sampling', 'Review'])

function answer(itemId: string, accuracy: number): Example {
  return { itemId, cluster: null, input: `Is ${itemId} spam?`, output: accuracy === 1 ? 'ham' : 'spam', target: 'ham', status: 'scored', scores: { accuracy }, error: null, latencyMs: 2 + accuracy, ttftMs: null, tokensIn: 5, tokensOut: 1, costUsd: 0.001, details: {} }
}

describeWith('Chromium', 'every page', () => {
  let stage: Stage
  let server: Server
  let paths: string[]
  let cloned: string
  let overlays: { path: string; opener: string }[]

  beforeAll(async () => {
    stage = await Stage.open()
    server = stage.server
    const items = Array.from({ length: 40 }, (_, index) => `item-${index}`)
    const runs = [0.5, 0.8].map((share, run) => ({ name: `prompt ${run}`, params: { model: `m${run}` }, durationMs: 1_000, examples: items.map((id, index) => answer(id, index < share * items.length ? 1 : 0)) }))
    const { experiments } = await server.post<ImportAnswer>('/api/import', { experiments: [{ name: 'Two prompts', dataset: 'mails', source: { tool: 'test', files: [] }, metrics: [{ id: 'accuracy', higherIsBetter: true }], tags: ['a'], notes: 'of the test', runs }] })
    const waiting = await server.post<CreatedExperiment>('/api/experiments', { name: 'A sweep', kind: 'prompt', dataset: 'spam', axes: { shots: [0, 2] } })
    // No worker takes them: a queue of more runs than the screen holds, with names that no column does.
    await server.post<CreatedExperiment>('/api/experiments', { name: `Wide ${'name '.repeat(22)}`, kind: 'prompt', dataset: 'spam', axes: { shots: [0, 1, 2, 3], template: [`{{ input }} ${'a'.repeat(200)}`, '{{ input }}'] }, repeats: 5 })
    const [imported] = experiments
    cloned = waiting.id
    const compared = `/compare?runs=${imported?.runs.map(({ id }) => id).join(',')}`
    paths = [
      ...PLAIN_PAGES.map((page) => (page === 'experiments' ? '/' : `/${page}`)),
      `/experiments/${imported?.id}`, `/experiments/${waiting.id}`, `/runs/${imported?.runs[0]?.id}`, compared, `/new?from=${waiting.id}`, '/datasets/spam', '/nowhere',
    ]
    overlays = [
      ...['Command palette', 'Show the keys', 'How to search'].map((opener) => ({ path: '/', opener })),
      { path: '/tradeoff', opener: 'Share' },
      ...['Add runs', 'Make a dataset'].map((opener) => ({ path: compared, opener })),
      { path: `/experiments/${waiting.id}`, opener: 'Cancel' },
    ]
  })
  afterAll(() => stage?.close())

  const contextOf = async (preferences: { theme: string; language: string }, viewport: { width: number; height: number }): Promise<BrowserContext> => {
    const context = await stage.browser.newContext({ viewport })
    await context.addInitScript((kept) => localStorage.setItem('bancada.preferences', JSON.stringify(kept)), { ...preferences, hasShortcuts: true })
    return context
  }
  const open = async (page: Page, path: string): Promise<void> => {
    await page.goto(`${server.url}${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    // Nothing is still on its way: no skeleton is left.
    await until(() => page.locator('.skeleton').count(), (count) => count === 0)
  }

  for (const theme of ['light', 'dark']) {
    it(`has nothing that axe objects to, ${theme}`, async () => {
      const context = await contextOf({ theme, language: 'en' }, { width: 1440, height: 900 })
      const page = await context.newPage()
      const found: string[] = []
      page.on('pageerror', (error) => found.push(`${page.url()}: ${error.message}`))
      for (const path of paths) {
        await open(page, path)
        found.push(...(await violationsOn(page)).map((violation) => `${path} ${violation}`))
      }
      await context.close()
      expect(found).toEqual([])
    })
  }

  it('opens over its pages what is as accessible as they are, and gives the focus back', async () => {
    const context = await contextOf({ theme: 'dark', language: 'en' }, { width: 1440, height: 900 })
    const page = await context.newPage()
    const found: string[] = []
    for (const { path, opener } of overlays) {
      if (page.url() !== `${server.url}${path}`) await open(page, path)
      await page.getByRole('button', { name: opener, exact: true }).first().focus()
      await page.keyboard.press('Enter')
      await page.locator('dialog[open]').waitFor()
      found.push(...(await violationsOn(page)).map((violation) => `${opener} on ${path} ${violation}`))
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
      const focused = await page.evaluate<string>('document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent.trim()')
      if (focused !== opener) found.push(`${opener} on ${path} gives the focus to "${focused}"`)
    }
    await context.close()
    expect(found).toEqual([])
  })

  it('fits a phone and speaks Portuguese, headings and titles at least', async () => {
    const context = await contextOf({ theme: 'light', language: 'pt' }, { width: 390, height: 844 })
    const page = await context.newPage()
    const found: string[] = []
    for (const path of paths) {
      await open(page, path)
      const beyond = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
      if (beyond > 0) found.push(`${path} is ${beyond} px wider than the screen`)
      const headings = await page.locator('h1, h2, nav a').allTextContents()
      found.push(...headings.map((heading) => heading.trim()).filter((heading) => ENGLISH.has(heading)).map((heading) => `${path} says "${heading}"`))
    }
    await context.close()
    expect(found).toEqual([])
  })

  it('clones an experiment, shows a mistake at its line, queues the mended file, moves it to the front and undoes a deletion', async () => {
    const context = await contextOf({ theme: 'light', language: 'en' }, { width: 1440, height: 900 })
    const page = await context.newPage()
    await open(page, `/new?from=${cloned}`)
    const yaml = page.getByTestId('yaml')
    const text = await yaml.inputValue()
    expect(text).toContain('name: A sweep (copy)')
    await yaml.fill(text.replace(/shots:.*/, 'shots: [0, many]').replace(/\n {4}- 0\n {4}- 2/, ''))
    await page.getByText(/^Line \d+$/).first().waitFor()
    await page.getByTestId('queue').and(page.locator(':disabled')).waitFor()
    await yaml.fill(text)
    await page.getByTestId('estimate').getByText('2', { exact: true }).waitFor()
    await page.getByLabel('Name', { exact: true }).fill('Cloned')
    await until(() => yaml.inputValue(), (now) => now.includes('name: Cloned'))
    await page.getByTestId('queue').and(page.locator(':enabled')).click()
    await page.getByRole('heading', { level: 1, name: 'Cloned' }).waitFor()

    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Go to or do' }).fill('queue work')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Queue and workers' }).waitFor()
    const rows = page.getByRole('region', { name: 'Waiting runs, table' }).locator('tbody tr')
    await rows.last().getByTitle('to the front').click()
    await until(() => rows.first().textContent(), (first) => first?.includes('Cloned') === true)

    await open(page, '/?q=Two')
    await page.getByLabel('Select Two prompts').check()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No experiment matches this search').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('link', { name: 'Two prompts' }).waitFor()
    await context.close()
  })
})
