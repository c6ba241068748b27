/*
 * Bootstrap intervals for what has no handy formula: means of skewed figures, scores of a whole
 * corpus. Seeded, so that the same data always give the same interval.
 */
import { normalCdf, normalQuantile } from './distributions.js'
import { sumRows, unitRows } from './corpus.js'
import { clusterIndex, type Observations } from './intervals.js'
import { quantile } from './quantiles.js'
import { randomWords } from './random.js'

export interface BootstrapOptions {
  /** bca (default): corrected for bias and skewness; percentile: plain quantiles of the resampled values. */
  method?: 'bca' | 'percentile'
  resamples?: number
  seed?: number
  level?: number
  /** Items that share a cluster are drawn together. */
  clusters?: readonly (string | null)[] | undefined
}

export interface BootstrapInterval {
  low: number
  high: number
  method: 'bca' | 'percentile'
}

const RESAMPLES = 2_000
/** What resampling may read in all. */
const RESAMPLED_NUMBERS = 100_000_000

/** The items of each unit that is drawn as a whole: a cluster, or one item. */
function unitsOf(n: number, clusters: BootstrapOptions['clusters']): Int32Array[] | null {
  const index = clusterIndex(clusters)
  if (index === null) return null
  const units: number[][] = Array.from({ length: index.count }, () => [])
  for (let item = 0; item < n; item++) units[index.index[item] ?? 0]?.push(item)
  return units.map((items) => Int32Array.from(items))
}

function expand(drawn: Int32Array, units: readonly Int32Array[]): Int32Array {
  let length = 0
  for (const unit of drawn) length += units[unit]?.length ?? 0
  const items = new Int32Array(length)
  let at = 0
  for (const unit of drawn) {
    const members = units[unit]
    if (members === undefined) continue
    items.set(members, at)
    at += members.length
  }
  return items
}

/** A whole number in [0, below) from one random word: multiply and shift, biased by less than below / 2^32. */
function drawBelow(next: () => number, below: number): number {
  return Math.floor((next() / 2 ** 32) * below)
}

/** `resamples` values of `statistic`, each over as many units as there are, drawn with replacement; ascending. */
function resampled(count: number, statistic: (units: Int32Array) => number, options: { resamples: number; seed: number }): Float64Array {
  const values = new Float64Array(options.resamples)
  let at = 0
  for (const drawn of draws(count, options)) values[at++] = statistic(drawn)
  return values.sort()
}

function withoutUnit(count: number, left: number): Int32Array {
  const kept = new Int32Array(count - 1)
  for (let i = 0, at = 0; i < count; i++) if (i !== left) kept[at++] = i
  return kept
}

/** Efron's acceleration from leave-one-out values: Σ(θ̄−θ_i)³ / 6(Σ(θ̄−θ_i)²)^{3/2}. */
function acceleration(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let squares = 0
  let cubes = 0
  for (const value of values) {
    const apart = mean - value
    squares += apart * apart
    cubes += apart ** 3
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5)
}

/** Where in the resampled values the ends stand; for BCa moved by the bias z₀ and the acceleration. */
function endsOf(values: Float64Array, { observed, jackknife, level }: { observed: number; jackknife: Float64Array; level: number }): [number, number] | null {
  // A sample of the same items in another order is the same value, whatever rounding made of it.
  const rounding = 1e-12 * Math.max(Math.abs(observed), Math.abs(values[0] ?? 0), Math.abs(values.at(-1) ?? 0))
  let below = 0
  let same = 0
  for (const value of values) {
    if (Math.abs(value - observed) <= rounding) same++
    else if (value < observed) below++
  }
  const share = (below + same / 2) / values.length
  if (share <= 0 || share >= 1) return null
  const z0 = normalQuantile(share)
  const a = acceleration(jackknife)
  const place = (z: number): number => normalCdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
  const z = normalQuantile((1 + level) / 2)
  return [place(-z), place(z)]
}

/**
 * Bootstrap interval of any statistic of n items.
 * Percentile: quantiles of the statistic over items (or whole clusters) drawn with replacement.
 * BCa: B. Efron, JASA 82 (1987) 171–185, with the jackknife acceleration; costs one more evaluation
 * per item (cluster), so leave it to statistics that are cheap or samples that are small. Where all
 * resampled values lie on one side of the observed one BCa does not exist, and the percentile
 * interval is given and named.
 * @param statistic of the items with these indexes, repeats included
 * @throws RangeError below two items (clusters)
 */
export function bootstrapInterval(n: number, statistic: (items: Int32Array) => number, options: BootstrapOptions = {}): BootstrapInterval {
  const { method = 'bca', resamples = RESAMPLES, seed = 1, level = 0.95 } = options
  const units = unitsOf(n, options.clusters)
  const count = units?.length ?? n
  if (count < 2) throw new RangeError(`a bootstrap needs at least two items or clusters, got ${count}`)
  const ofUnits = units === null ? statistic : (drawn: Int32Array): number => statistic(expand(drawn, units))
  const values = resampled(count, ofUnits, { resamples, seed })
  const all = Int32Array.from({ length: count }, (_, unit) => unit)
  const jackknife = (): Float64Array => Float64Array.from({ length: count }, (_, left) => ofUnits(withoutUnit(count, left)))
  return intervalOf(values, { method, level, observed: ofUnits(all), jackknife })
}

interface Judged {
  method: 'bca' | 'percentile'
  level: number
  observed: number
  jackknife: () => Float64Array
}

function intervalOf(values: Float64Array, { method, level, observed, jackknife }: Judged): BootstrapInterval {
  const ends = method === 'bca' ? endsOf(values, { observed, jackknife: jackknife(), level }) : null
  const [low, high] = ends ?? [(1 - level) / 2, (1 + level) / 2]
  return { low: quantile(values, low), high: quantile(values, high), method: ends === null ? 'percentile' : 'bca' }
}

/**
 * Bootstrap interval of a function of sums over items, such as the BLEU of a corpus: as `bootstrapInterval`, without
 * building each sample; leaving one unit out costs a subtraction.
 */
export function bootstrapSums({ rows, width, clusters: names }: RowObservations, statistic: (sums: Float64Array) => number, options: Omit<BootstrapOptions, 'clusters'> = {}): BootstrapInterval {
  const { method = 'bca', resamples = RESAMPLES, seed = 1, level = 0.95 } = options
  const units = unitRows({ rows, width }, clusterIndex(names))
  if (units.count < 2) throw new RangeError(`a bootstrap needs at least two items or clusters, got ${units.count}`)
  const sums = new Float64Array(width)
  const drawnFigure = (drawn: Int32Array): number => statistic(addUp(units.rows, drawn, sums))
  const total = sumRows({ rows: units.rows, width })
  const jackknife = (): Float64Array => jackknifeOf(units.rows, total, statistic)
  return intervalOf(resampled(units.count, drawnFigure, { resamples, seed }), { method, level, observed: statistic(total), jackknife })
}

/** Rows of n items, [n, width] row-major, whose column sums a statistic is made of. */
export interface RowObservations {
  rows: Float64Array
  width: number
  clusters?: readonly (string | null)[] | undefined
}

/** Sums of the rows that were drawn, into `sums`. */
export function addUp(rows: Float64Array, drawn: Int32Array, sums: Float64Array): Float64Array {
  const width = sums.length
  sums.fill(0)
  for (const unit of drawn) {
    const start = unit * width
    for (let column = 0; column < width; column++) sums[column] = (sums[column] ?? 0) + (rows[start + column] ?? 0)
  }
  return sums
}

/** The statistic without each row in turn. */
export function jackknifeOf(rows: Float64Array, total: Float64Array, statistic: (sums: Float64Array) => number): Float64Array {
  const width = total.length
  const sums = new Float64Array(width)
  return Float64Array.from({ length: rows.length / width }, (_, unit) => {
    for (let column = 0; column < width; column++) sums[column] = (total[column] ?? 0) - (rows[unit * width + column] ?? 0)
    return statistic(sums)
  })
}

/** Bootstrap interval of a mean. With clusters the mean of a sample is Σ sums / Σ sizes of the clusters drawn. */
export function bootstrapMean({ values, clusters }: Observations, options: Omit<BootstrapOptions, 'clusters'> = {}): BootstrapInterval {
  const rows = new Float64Array(2 * values.length)
  for (let item = 0; item < values.length; item++) rows.set([values[item] ?? 0, 1], 2 * item)
  return bootstrapSums({ rows, width: 2, clusters }, (sums) => (sums[0] ?? 0) / (sums[1] ?? 0), options)
}

/** As many resamples as can be made in about a second, within bounds. @param size numbers that one resample reads */
export function resamplesWithin(size: number, { most = RESAMPLES, least = 200 } = {}): number {
  return Math.min(most, Math.max(least, Math.floor(RESAMPLED_NUMBERS / size)))
}

/** Draws of units with replacement, by the seed; each is read before the next is made. */
export function* draws(count: number, { resamples, seed }: { resamples: number; seed: number }): Generator<Int32Array> {
  const next = randomWords(seed)
  const drawn = new Int32Array(count)
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < count; i++) drawn[i] = drawBelow(next, count)
    yield drawn
  }
}
