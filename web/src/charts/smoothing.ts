/**
 * Exponential moving average with the bias of its zero start taken out, as in Adam
 * (Kingma and Ba, 2015, section 3): s_t = w s_(t-1) + (1 - w) v_t, drawn as s_t / (1 - w^t).
 *
 * @param values in step order; a value that is not finite is passed through and leaves the average as it was
 * @param weight 0 (no smoothing) to just under 1
 */
export function smooth(values: readonly number[], weight: number): number[] {
  if (!(weight >= 0 && weight < 1)) throw new RangeError(`the smoothing weight is ${weight}; it must be at least 0 and less than 1`)
  let average = 0
  let bias = 1
  return values.map((value) => {
    if (!Number.isFinite(value)) return value
    average = weight * average + (1 - weight) * value
    bias *= weight
    return average / (1 - bias)
  })
}
