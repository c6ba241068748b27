/**
 * A team that tests two prompts: from the start page to the answer in two clicks, then the items behind it by
 * key, a label, a dataset of the failures, and a blind review that joins the comparison.
 */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AnnotationList, DatasetPage, ImportAnswer, PreferenceResult } from '../../server/contracts/index.js'
import { type Server, until } from '../support/bancada.js'
import { faultsOf, violationsOn } from '../support/chromium.js'
import { describeWith } from '../support/services.js'
import { Stage } from '../support/stage.js'
import { twoPrompts } from '../support/two-prompts.js'

describeWith('Chromium', 'two prompts', () => {
  let stage: Stage
  let server: Server
  let page: Page
  let runs: string[]
  let faults: string[]

  beforeAll(async () => {
    stage = await Stage.open()
    server = stage.server
    const { experiments } = await server.post<ImportAnswer>('/api/import', await twoPrompts(100))
    runs = experiments[0]?.runs.map(({ id }) => id) ?? []
    const context = await stage.browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US' })
    page = await context.newPage()
    faults = faultsOf(page)
  })
  afterAll(() => stage?.close())

  async function expectAccessible(): Promise<void> {
    expect(await violationsOn(page)).toEqual([])
  }

  it('answers “is B better?” in two clicks, and shows on which items in a third', async () => {
    await page.goto(server.url)
    await page.getByRole('link', { name: 'Two wordings' }).click()
    await page.getByTestId('compare').click()
    await page.getByText(/Spam or ham\?" (is better than|and) template="Label this.*95.% interval.*n = 100 paired items/).first().waitFor()
    await page.getByTitle('Show the items it wins').click()
    await page.getByText('27 items match').waitFor()
    await expectAccessible()
  })

  it('opens items by key with their differences marked, and keeps a label', async () => {
    await page.keyboard.press(']')
    const reader = page.getByRole('region', { name: /^Item spam|^Item easy|^Item hard/ })
    await reader.getByText('1 of 27').waitFor()
    await reader.locator('mark').first().waitFor()
    await page.keyboard.press(']')
    await reader.getByText('2 of 27').waitFor()
    await until(async () => reader.getByRole('button', { name: 'Call answer A bad' }).count(), (count) => count === 1)
    await page.keyboard.press('2')
    await until(async () => reader.getByRole('button', { name: 'Call answer A bad' }).getAttribute('aria-pressed'), (pressed) => pressed === 'true')
    expect((await server.get<AnnotationList>(`/api/annotations?runs=${runs.join(',')}`)).annotations).toMatchObject([{ runId: runs[0], annotator: 'me', verdict: 'bad' }])
    await expectAccessible()
    await page.keyboard.press('Escape')
    await reader.waitFor({ state: 'detached' })
  })

  it('makes a dataset of the items on show', async () => {
    await page.getByRole('button', { name: 'Make a dataset' }).click()
    await page.getByLabel('Name', { exact: true }).fill('b-wins')
    await page.getByRole('button', { name: 'Make the dataset' }).click()
    await page.getByText('The dataset b-wins has 27 items').waitFor()
    expect((await server.get<DatasetPage>('/api/datasets/b-wins?split=test')).total).toBe(27)
  })

  it('scores stored answers anew from their run’s page, and shows a mistake at its line', async () => {
    await page.goto(`${server.url}/runs/${runs[0]}`)
    await page.getByTestId('rescore').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Exact match').check()
    await dialog.getByRole('combobox', { name: 'Add a scorer' }).selectOption('brief')
    const yaml = dialog.getByTestId('yaml')
    const text = await yaml.inputValue()
    await yaml.fill(text.replace('length', 'lenght'))
    await dialog.getByRole('button', { name: 'Score anew' }).click()
    await dialog.getByText('Line 2').waitFor()
    await expectAccessible()
    // The browser's own word for the refusal.
    faults.splice(0)
    await yaml.fill(text)
    await dialog.getByRole('button', { name: 'Score anew' }).click()
    await dialog.getByText('Waits for a worker.').waitFor()
    await expectAccessible()
    await dialog.getByRole('link', { name: 'Open the rescored experiment' }).click()
    await page.getByRole('heading', { level: 1, name: /\(rescored\)$/ }).waitFor()
  })

  it('reviews blindly by key and feeds the comparison', async () => {
    await page.goto(`${server.url}/review?runs=${runs.join(',')}`)
    const result = () => server.get<PreferenceResult>(`/api/review/pairs/result?a=${runs[0]}&b=${runs[1]}`)
    for (const [done, key] of [...'1201'].entries()) {
      await page.getByText(`${done} of 100`).waitFor()
      await page.keyboard.press(key)
    }
    await page.getByText('4 of 100').waitFor()
    await page.keyboard.press('u')
    await page.getByText('3 of 100').waitFor()
    expect(await result()).toMatchObject({ votes: 3, ties: 1 })
    await expectAccessible()
    await page.getByRole('link', { name: 'The comparison by metrics' }).click()
    await page.getByText(/People do not clearly prefer.*n = 3 items:/).waitFor()
  })

  it('reviews the answers of one run by key', async () => {
    await page.goto(`${server.url}/review?runs=${runs[1]}`)
    for (const [done, key] of ['ArrowUp', 'ArrowUp', 'ArrowDown'].entries()) {
      await page.getByText(new RegExp(`^${done} of 100, `)).waitFor()
      await page.keyboard.press(key)
    }
    await page.getByText(/People call 66\.7.*of the answers of .* good \(95.% interval .*n = 3 items\)/).waitFor()
    await expectAccessible()
    expect(faults).toEqual([])
  })
})
