import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { ItemOfTask } from '../items.js'
import { findLeaks } from '../leaks.js'
import { openDataset } from '../reader.js'
import { readMail } from './mail-text.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
type Mail = ItemOfTask['classification']

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[a-z']+|[!$%]|<\w+>/g) ?? [])
}

/** Bernoulli naive Bayes over the words of the training set: the plain baseline a learner has to stand beside. */
function trainNaiveBayes(items: Mail[]): (text: string) => string {
  const counts = { spam: new Map<string, number>(), ham: new Map<string, number>() }
  for (const { input, target } of items) {
    const count = target === 'spam' ? counts.spam : counts.ham
    for (const word of wordsOf(input)) count.set(word, (count.get(word) ?? 0) + 1)
  }
  return (text) => {
    let logOdds = 0
    for (const word of wordsOf(text)) logOdds += Math.log((counts.spam.get(word) ?? 0) + 0.5) - Math.log((counts.ham.get(word) ?? 0) + 0.5)
    return logOdds > 0 ? 'spam' : 'ham'
  }
}

describe('the shipped spam set', () => {
  it('is valid, balanced, and parts no mail or thread between two splits', async () => {
    const dataset = await openDataset(folder, [])
    await dataset.validate()
    expect(dataset.splits).toEqual({ train: 900, validation: 200, test: 300 })
    expect(await findLeaks(dataset)).toEqual([])
    const splitOfCluster = new Map<string, string>()
    for (const split of Object.keys(dataset.splits)) {
      const items = await dataset.readAs('classification', split)
      expect(items.filter(({ target }) => target === 'spam').length).toBe(items.length / 2)
      for (const { cluster } of items) {
        expect(splitOfCluster.get(String(cluster)) ?? split).toBe(split)
        splitOfCluster.set(String(cluster), split)
      }
    }
  })

  it('holds no address, link or long number', async () => {
    const dataset = await openDataset(folder, [])
    for (const split of Object.keys(dataset.splits)) {
      for (const { id, input } of await dataset.readAs('classification', split)) {
        expect(input, id).not.toMatch(/\w@\w|https?:\/\/|\d{5,}/i)
        expect(input.length, id).toBeLessThanOrEqual(240)
      }
    }
  })

  it('can be learnt, and is not trivial: naive Bayes is right on 90 to 97 % of the test mails', async () => {
    const dataset = await openDataset(folder, [])
    const classify = trainNaiveBayes(await dataset.readAs('classification', 'train'))
    const test = await dataset.readAs('classification', 'test')
    const accuracy = test.filter(({ input, target }) => classify(input) === target).length / test.length
    expect(accuracy).toBeGreaterThanOrEqual(0.9)
    expect(accuracy).toBeLessThan(0.97)
  })
})

describe('readMail', () => {
  it('decodes subject and body, drops quotes and signature, masks what is private', () => {
    const mail = readMail(
      ['From: a@b.c', 'Subject: =?iso-8859-1?Q?Re=3A_[ILUG]_caf=E9?=', 'Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: quoted-printable', '', 'On Monday Ann wrote:', '> old words', 'Call 555-123-4567 or write=', ' to ann@example.com, see http://example.com/x', 'and a line long enough for a body.', '-- ', 'Bob'].join('\n'),
    )
    expect(mail).toEqual({ subject: 'Re: café', body: 'Call <number> or write to <email>, see <url> and a line long enough for a body.' })
  })

  it('takes the plain part of a multipart mail, and the text of an HTML one', () => {
    const parts = ['Subject: x', 'Content-Type: multipart/alternative; boundary="B"', '', '--B', 'Content-Type: text/html', '', '<b>rich</b>', '--B', 'Content-Type: text/plain', '', 'plain', '--B--']
    expect(readMail(parts.join('\n'))?.body).toBe('plain')
    expect(readMail('Subject: x\nContent-Type: text/html\n\n<html><style>p{}</style><p>Fish &amp; <b>chips</b><br>to go</p></html>')?.body).toBe('Fish & chips to go')
  })

  it('leaves out what it cannot read', () => {
    expect(readMail('Subject: x\nContent-Type: text/plain; charset=gb2312\n\nabc')).toBeUndefined()
    expect(readMail('Subject: x\nContent-Type: image/png\n\nabc')).toBeUndefined()
  })
})
