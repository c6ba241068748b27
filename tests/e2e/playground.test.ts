/** A prompt tried in the playground: edited, asked of a model of this machine and of an endpoint, and kept as an experiment. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { faultsOf, violationsOn } from '../support/chromium.js'
import { CountingEndpoint } from '../support/counting-endpoint.js'
import { describeWith } from '../support/services.js'
import { Stage } from '../support/stage.js'

describeWith('Chromium', 'the playground', () => {
  let stage: Stage
  let endpoint: CountingEndpoint
  let page: Page
  let faults: string[]

  beforeAll(async () => {
    endpoint = await CountingEndpoint.start({ delayMs: () => 0, answer: ({ prompt }) => (prompt.includes('free') ? 'spam' : 'ham') })
    stage = await Stage.open({ args: ['--no-examples'] })
    page = await (await stage.browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US' })).newPage()
    faults = faultsOf(page)
  })
  afterAll(async () => {
    await stage?.close()
    await endpoint?.[Symbol.asyncDispose]()
  })

  it('asks an edited prompt of two models on five items, and every answer comes with its prompt', async () => {
    await page.goto(`${stage.server.url}/playground`)
    await page.getByLabel('Template').fill('Spam or ham?\n{{ input[:100] }}\nLabel:')
    await page.getByText('Add an endpoint').click()
    await page.getByLabel('Address').fill(endpoint.baseUrl)
    await page.getByLabel('Model of the endpoint').fill('scripted')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByTestId('run').click()
    const answers = page.getByRole('region', { name: 'Answers, table' })
    await answers.getByRole('columnheader', { name: /nano-pt-en.*5 answered/ }).waitFor()
    await answers.getByRole('columnheader', { name: /scripted.*5 answered/ }).waitFor()
    expect(endpoint.calls.map(({ prompt }) => /^Spam or ham\?\n[^]*\nLabel:$/.test(prompt))).toEqual(Array(5).fill(true))
    expect(await answers.getByText('Prompt, as rendered').count()).toBe(10)
    expect(await violationsOn(page)).toEqual([])
  })

  it('keeps the prompt as an experiment over both models', async () => {
    await page.getByRole('button', { name: 'Save as an experiment' }).click()
    const yaml = page.getByTestId('yaml')
    await yaml.waitFor()
    const text = await yaml.inputValue()
    for (const part of ['Spam or ham?', 'nano-pt-en', 'scripted', endpoint.baseUrl, 'split: test']) expect(text).toContain(part)
    await page.getByTestId('estimate').getByText('2', { exact: true }).waitFor()
    expect(faults).toEqual([])
  })
})
