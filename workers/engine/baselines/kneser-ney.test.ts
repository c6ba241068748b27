import { describe, expect, it } from 'vitest'
import { Random } from '../random.js'
import { estimateDiscounts, KneserNeyModel } from './kneser-ney.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const [A, B] = [97, 98]

describe('Kneser–Ney byte model', () => {
  it('agrees with an example worked by hand', () => {
    // Bigrams of "abaab": ab 2, ba 1, aa 1. Bytes by what precedes them: a after {a, b} = 2, b after {a} = 1.
    // Too few counts of counts to estimate, so the discounts are 1/2 and 1; every context leaves 1/2 (b: 1/2 of 1).
    const model = KneserNeyModel.train(bytes('abaab'), 2)
    const uniform = 1 / 256
    const [a, b] = [1 / 3 + uniform / 2, 1 / 6 + uniform / 2]
    expect(model.probability(bytes(''), A)).toBeCloseTo(a, 12)
    expect(model.probability(bytes('a'), B)).toBeCloseTo(1 / 3 + b / 2, 12)
    expect(model.probability(bytes('a'), A)).toBeCloseTo(1 / 6 + a / 2, 12)
    expect(model.probability(bytes('b'), A)).toBeCloseTo(1 / 2 + a / 2, 12)
    // "z" was never seen before anything: the shorter context decides.
    expect(model.probability(bytes('z'), B)).toBeCloseTo(b, 12)
    expect(model.bitsPerByte(bytes('ab'))).toBeCloseTo(-(Math.log2(a) + Math.log2(1 / 3 + b / 2)) / 2, 12)
  })

  it('estimates discounts from counts of counts', () => {
    // n1..n4 = 4, 3, 2, 1: Y = 4/10, D = 1 − 0.8·3/4, 2 − 1.2·2/3, 3 − 1.6·1/2.
    const discounts = estimateDiscounts(Uint32Array.of(1, 1, 1, 1, 2, 2, 2, 3, 3, 4))
    discounts.forEach((discount, index) => expect(discount).toBeCloseTo([0.4, 1.2, 2.2][index] ?? NaN, 12))
    expect(estimateDiscounts(Uint32Array.of(7, 8))).toEqual([0.5, 1, 1.5])
  })

  it('gives probabilities that sum to 1 after any context', () => {
    const random = new Random(1)
    const text = Uint8Array.from({ length: 4000 }, (_, i) => (i % 7 === 0 ? random.uint32() & 255 : 97 + (random.uint32() % 5)))
    const model = KneserNeyModel.train(text)
    for (let trial = 0; trial < 60; trial++) {
      const start = random.uint32() % 3990
      const context = trial % 2 === 0 ? text.subarray(start, start + (trial % 6)) : Uint8Array.from({ length: trial % 6 }, () => random.uint32() & 255)
      let total = 0
      for (let byte = 0; byte < 256; byte++) {
        const probability = model.probability(context, byte)
        expect(probability).toBeGreaterThan(0)
        total += probability
      }
      expect(total).toBeCloseTo(1, 10)
    }
  })

  it('learns: text like its own costs less than noise, and a longer order less than a shorter', () => {
    const text = bytes('o pato pateta pintou o caneco, surrou a galinha, bateu no marreco. '.repeat(20))
    const own = bytes('a galinha bateu no pato pateta')
    const five = KneserNeyModel.train(text)
    expect(five.bitsPerByte(own)).toBeLessThan(KneserNeyModel.train(text, 1).bitsPerByte(own))
    expect(KneserNeyModel.train(text, 6).bitsPerByte(own)).toBeLessThan(KneserNeyModel.train(text, 3).bitsPerByte(own))
    expect(five.bitsPerByte(bytes('#%&@!'))).toBeGreaterThan(8)
    expect(five.bitsPerByte(new Uint8Array())).toBeNaN()
  })

  it('refuses an impossible order and a text that is too short', () => {
    expect(() => KneserNeyModel.train(bytes('abcdefgh'), 7)).toThrow(/order is 7/)
    expect(() => KneserNeyModel.train(bytes('abc'))).toThrow(/3 bytes; a 5-gram model needs at least 5/)
  })
})
