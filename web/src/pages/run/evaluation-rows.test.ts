import { expect, it } from 'vitest'
import { calibrationAnswer, confusionAnswer } from '../../../../experiments/analysis.js'
import { calibrationRows, confusionRows } from './evaluation-rows.js'

const likelihoods = { ham: -1, spam: -1 }
const answers = ['spam', 'spam', 'ham'].map((truth) => ({ truth, given: 'spam', cluster: null, logLikelihoods: likelihoods }))

it('writes a row per label and per bin, and nothing where nothing is known', () => {
  const confusion = confusionAnswer(answers)
  const calibration = calibrationAnswer(answers)
  if (confusion === null || calibration === null) throw new Error('nothing to write')
  const [head, ham, spam] = confusionRows(confusion)
  expect(head).toHaveLength(spam?.length ?? 0)
  expect(ham?.slice(0, 5)).toEqual(['ham', '0', '1', '0', ''])
  expect(spam?.slice(0, 5)).toEqual(['spam', '0', '2', '0', String(2 / 3)])
  const rows = calibrationRows(calibration)
  expect(rows).toHaveLength(11)
  expect(rows[1]).toEqual(['0', '0.1', '0', '', '', '', ''])
  expect(rows[5]?.slice(0, 5)).toEqual(['0.4', '0.5', '3', '0.5', String(2 / 3)])
})
