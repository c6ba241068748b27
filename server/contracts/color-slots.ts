/** Stored on the run once, so that a run keeps its colour in every chart: 6 hues × 3 dashes. Free of schemas, so that the charts need none. */
export const COLOR_SLOTS = 18
