import { createHash } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { preferenceOf, preferenceSentence, verdictsOf } from '../../experiments/preference.js'
import { diffWords } from '../../experiments/text-diff.js'
import type { Language } from '../../experiments/wording.js'
import { AppError, type AnswerQueue, type PairChoice, type PairQueue, type PreferenceResult, type RevealedPair, type VerdictResult } from '../contracts/index.js'
import { AnnotationStore } from '../store/annotation-store.js'
import { PreferenceStore, type RunPair, type StoredVote, type UnjudgedPair } from '../store/preference-store.js'
import { RunStore } from '../store/run-store.js'

interface Asked {
  annotator: string
  seed: number
  limit: number
}

/** Blind reviews: who sees what next, and what comes of it. */
@Injectable()
export class ReviewService {
  constructor(
    @Inject(PreferenceStore) private readonly preferences: PreferenceStore,
    @Inject(AnnotationStore) private readonly annotations: AnnotationStore,
    @Inject(RunStore) private readonly runs: RunStore,
  ) {}

  async pairs(pair: RunPair, asked: Asked): Promise<PairQueue> {
    await this.#names(pair)
    const [unjudged, { total }, votes] = await Promise.all([this.preferences.unjudgedPairs(pair, asked), this.preferences.countPairs(pair), this.preferences.votes(pair)])
    const done = votes.filter(({ annotator }) => annotator === asked.annotator).length
    return { total, done, pairs: unjudged.map((one) => blinded(one, leftOf(pair, { ...asked, itemId: one.itemId }))) }
  }

  async choose({ a, b, itemId, annotator, choice, seed }: PairChoice): Promise<RevealedPair> {
    const pair = { a, b }
    await this.#names(pair)
    const left = leftOf(pair, { itemId, annotator, seed })
    const right = left === 'a' ? 'b' : 'a'
    await this.preferences.put(pair, { itemId, annotator, left, choice: choice === 'tie' ? 'tie' : choice === 'left' ? left : right })
    return { left: pair[left], right: pair[right] }
  }

  undo(pair: RunPair, said: Pick<StoredVote, 'itemId' | 'annotator'>): Promise<void> {
    return this.preferences.remove(pair, said)
  }

  async result(pair: RunPair, language: Language): Promise<PreferenceResult> {
    const names = await this.#names(pair)
    const [votes, { identical }] = await Promise.all([this.preferences.votes(pair), this.preferences.countPairs(pair)])
    const figures = preferenceOf(votes)
    return { ...pair, ...figures, identical, sentence: preferenceSentence(figures, { ...names, language }) }
  }

  votes(pair: RunPair): Promise<StoredVote[]> {
    return this.preferences.votes(pair)
  }

  async answers(runId: string, asked: Asked): Promise<AnswerQueue> {
    const [unjudged, total, said] = await Promise.all([this.preferences.unjudgedAnswers(runId, asked), this.preferences.countAnswers(runId), this.annotations.list([runId])])
    if (total === 0) throw new AppError('not_found', `There is no run "${runId}" with answers to judge.`)
    const done = said.filter(({ annotator, verdict }) => annotator === asked.annotator && verdict !== null).length
    return { total, done, answers: unjudged.map(({ itemId, input, output, target }) => ({ itemId, prompt: input, output, target })) }
  }

  async verdicts(runId: string): Promise<VerdictResult> {
    const said = await this.annotations.list([runId])
    return { runId, ...verdictsOf(said.flatMap(({ itemId, annotator, verdict }) => (verdict === null ? [] : [{ itemId, annotator, label: verdict }]))) }
  }

  async #names({ a, b }: RunPair): Promise<{ a: string; b: string }> {
    if (a === b) throw new AppError('invalid_request', 'A run cannot be held against itself; name two runs.')
    const runs = new Map((await this.runs.readMany([a, b])).map((run) => [run.id, run]))
    const [one, two] = [runs.get(a), runs.get(b)]
    if (one === undefined || two === undefined) throw new AppError('not_found', `There is no run "${one === undefined ? a : b}".`)
    if (one.dataset !== two.dataset) throw new AppError('invalid_request', `These runs are of two datasets, ${one.dataset} and ${two.dataset}: their answers are to other questions.`)
    return one.name === two.name ? { a: `${one.experimentName}: ${one.name}`, b: `${two.experimentName}: ${two.name}` } : { a: one.name, b: two.name }
  }
}

/** Whose answer stands on the left: drawn for each person and item, whichever run is named first. */
function leftOf({ a, b }: RunPair, { seed, annotator, itemId }: { seed: number; annotator: string; itemId: string }): 'a' | 'b' {
  const [bit = 0] = createHash('sha256').update(JSON.stringify([seed, annotator, itemId, ...[a, b].sort()])).digest()
  return (bit & 1) === (a < b ? 0 : 1) ? 'a' : 'b'
}

/** Of two prompts only what they have in common is shown: the rest would tell whose answer is whose. */
function blinded({ itemId, inputA, inputB, outputA, outputB, target }: UnjudgedPair, left: 'a' | 'b'): PairQueue['pairs'][number] {
  const prompt = inputA === inputB ? inputA : diffWords(inputA, inputB).filter(({ kind }) => kind === 'same').map(({ text }) => text).join('').trim()
  const [first, second] = left === 'a' ? [outputA, outputB] : [outputB, outputA]
  return { itemId, prompt, target, left: first, right: second }
}
