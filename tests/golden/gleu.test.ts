/* GLEU against NLTK's (gleu.py). */
import { expect, it } from 'vitest'
import { gleu } from '../../workers/scorers/assertions/overlap-checks.js'
import type { Subject } from '../../workers/scorers/assertions/check.js'
import { AssertionSchema } from '../../server/contracts/index.js'
import golden from './gleu.json' with { type: 'json' }

it(`is that of NLTK ${golden.nltk} on ${golden.cases.length} answers with one to three references`, async () => {
  for (const { references, answer, gleu: wanted } of golden.cases) {
    const outcome = await gleu(AssertionSchema.parse({ type: 'gleu', value: references }))({ output: answer } as Subject)
    expect(outcome.score, `${answer} | ${references.join(' | ')}`).toBeCloseTo(wanted, 12)
  }
})
