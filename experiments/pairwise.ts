import { AppError, type PairedTest } from '../server/contracts/index.js'
import { costDifference } from './answer-costs.js'
import type { NamedMetric } from './metrics.js'
import type { Arm } from './repeats.js'
import { ItemIndex, type Pairs, pairUp } from './score-columns.js'
import { benjaminiHochberg, holm } from './statistics/multiplicity.js'
import { comparePaired, type PairedOptions, type PairedResult, type PairedTestName, pairedZ } from './statistics/paired.js'
import { compareCorpora, corpusZ } from './statistics/paired-corpus.js'

export interface PairwiseOptions {
  test?: PairedTestName | undefined
  correction?: 'holm' | 'bh' | undefined
  margin?: number | undefined
}

type Told = NonNullable<PairedTest['nonInferiority']>
/** A test before it is put into words. */
export type FoundTest = Omit<PairedTest, 'sentence' | 'nonInferiority' | 'expectedCost'> & { nonInferiority: Omit<Told, 'sentence'> | null }

const SIGNIFICANT = 0.05
/** A 95 % interval above −δ is a one-sided test at 2.5 %. */
const ONE_SIDED = 0.025

function isBinary(values: Float64Array): boolean {
  return values.every((value) => value === 0 || value === 1)
}

/** Paired tests between the arms of one comparison; the index of each arm's items is made once. */
export class Pairwise {
  readonly #metric: NamedMetric
  readonly #indexes = new Map<Arm, ItemIndex>()
  /** The last pairing of each arm. */
  readonly #pairs = new Map<Arm, { other: Arm; pairs: Pairs }>()

  constructor(metric: NamedMetric) {
    this.#metric = metric
  }

  /**
   * Each arm against the baseline, corrected for their number. Arms on another dataset are not
   * tested: their items are others, whatever the ids.
   */
  against(baseline: Arm, arms: readonly Arm[], options: PairwiseOptions): FoundTest[] {
    const others = arms.filter((arm) => arm !== baseline && arm.run.dataset === baseline.run.dataset)
    const tests = others.flatMap((other) => this.#test({ other, baseline, comparisons: others.length }, options) ?? [])
    const adjusted = (options.correction === 'bh' ? benjaminiHochberg : holm)(tests.map(({ p }) => p))
    const oneSided = holm(tests.map(({ nonInferiority }) => nonInferiority?.p ?? null))
    return tests.map((test, index) => this.#judged(test, { pAdjusted: adjusted[index] ?? null, pNotWorse: oneSided[index] ?? null }))
  }

  /** The items that two arms share; null between arms on different datasets, or by different figures. Kept, since several questions are asked of one pair. */
  pairsOf(run: Arm, other: Arm): Pairs | null {
    if (run.run.dataset !== other.run.dataset || run.columns.corpus?.of !== other.columns.corpus?.of) return null
    const known = this.#pairs.get(run)
    if (known?.other === other) return known.pairs
    const pairs = pairUp(this.#indexOf(run), this.#indexOf(other))
    this.#pairs.set(run, { other, pairs })
    return pairs
  }

  /** Two-sided p-value of two arms, uncorrected; null where they cannot be tested. */
  pOf(run: Arm, other: Arm): number | null {
    const pairs = this.#scored(run, other)
    return pairs === null ? null : this.#compare(pairs).p
  }

  /** Difference of two arms in standard errors, positive where the first is better; 0 where they cannot be tested. */
  zOf(run: Arm, other: Arm): number {
    const pairs = this.#scored(run, other)
    if (pairs === null) return 0
    const z = pairs.corpus === null ? pairedZ(pairs) : corpusZ({ ...pairs, corpus: pairs.corpus })
    return this.#metric.higherIsBetter ? z : -z
  }

  /** Pairs with at least one item that both scored. */
  #scored(run: Arm, other: Arm): Pairs | null {
    const pairs = this.pairsOf(run, other)
    return pairs === null || pairs.run.length === 0 ? null : pairs
  }

  #indexOf(arm: Arm): ItemIndex {
    const index = this.#indexes.get(arm) ?? new ItemIndex(arm.columns)
    this.#indexes.set(arm, index)
    return index
  }

  #compare(pairs: Pairs, options: PairedOptions = {}): PairedResult {
    const { corpus } = pairs
    return corpus === null ? comparePaired({ ...pairs, binary: this.#isBinary(pairs) }, options) : compareCorpora({ ...pairs, corpus }, options)
  }

  #isBinary(pairs: Pairs): boolean {
    return this.#metric.estimator === 'proportion' && isBinary(pairs.run) && isBinary(pairs.baseline)
  }

  #test({ other, baseline, comparisons }: { other: Arm; baseline: Arm; comparisons: number }, { test, margin }: PairwiseOptions): FoundTest | null {
    const pairs = this.#scored(other, baseline)
    if (pairs === null) return null
    const { higherIsBetter } = this.#metric
    const { pNonInferior, ...result } = asRefusal(() => this.#compare(pairs, { test, comparisons, margin, higherIsBetter }))
    // Wins and losses are told in terms of better and worse, not of larger and smaller.
    const [wins, losses] = higherIsBetter ? [result.wins, result.losses] : [result.losses, result.wins]
    const nonInferiority = margin === undefined ? null : { margin, p: pNonInferior, pAdjusted: null, verdict: 'not shown' as const }
    const costBasis = costDifference(this.#metric, pairs, result)
    return { runId: other.run.id, baselineId: baseline.run.id, ...result, wins, losses, pAdjusted: null, verdict: 'not distinguishable', nonInferiority, costBasis }
  }

  /** A verdict needs both a corrected p below 0.05 and an interval without 0. */
  #judged(test: FoundTest, { pAdjusted, pNotWorse }: { pAdjusted: number | null; pNotWorse: number | null }): FoundTest {
    const { low, high, nonInferiority } = test
    const isClear = pAdjusted !== null && pAdjusted < SIGNIFICANT && low !== null && high !== null && (low > 0 || high < 0)
    const isBetter = test.difference > 0 === this.#metric.higherIsBetter
    const verdict = isClear ? (isBetter ? 'better' : 'worse') : 'not distinguishable'
    if (nonInferiority === null) return { ...test, pAdjusted, verdict }
    // The good end of the interval: when even that loses the margin, the run is worse by it.
    const atBest = this.#metric.higherIsBetter ? high : low === null ? null : -low
    const isWorse = atBest !== null && atBest < -nonInferiority.margin
    const shown = pNotWorse !== null && pNotWorse < ONE_SIDED ? 'not worse' : isWorse ? 'worse' : 'not shown'
    return { ...test, pAdjusted, verdict, nonInferiority: { ...nonInferiority, pAdjusted: pNotWorse, verdict: shown } }
  }
}

/** A test that does not fit the scores is a fault of the request. */
function asRefusal<T>(compare: () => T): T {
  try {
    return compare()
  } catch (cause) {
    if (cause instanceof RangeError) throw new AppError('invalid_request', cause.message, { cause })
    throw cause
  }
}
