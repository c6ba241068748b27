/** What a search for experiments asks, once it is read; experiments/search-query.ts reads it. */

/** How a stored value compares to the one asked for; `contains` ignores case. */
export type SearchRelation = 'contains' | '=' | '!=' | '>' | '>=' | '<' | '<='

export const SEARCH_FIELDS = ['name', 'dataset', 'kind', 'status', 'tag', 'notes'] as const
export const SEARCH_FLAGS = ['starred', 'archived', 'deleted', 'active'] as const

export type SearchCondition =
  | { on: 'text'; text: string }
  | { on: 'field'; field: (typeof SEARCH_FIELDS)[number]; relation: SearchRelation; text: string }
  | { on: 'count'; relation: SearchRelation; count: number }
  | { on: 'created'; relation: SearchRelation; day: string }
  | { on: 'flag'; flag: (typeof SEARCH_FLAGS)[number] }
  /** Of runs: one and the same run must meet all of them. */
  | { on: 'parameter' | 'metric'; name: string; relation: SearchRelation; value: string | number | boolean | null }

export type SearchTerm = SearchCondition & { isNegated: boolean }

/** Orders of the list of experiments; - in front turns one round. */
export const EXPERIMENT_ORDERS = ['created', 'name', 'status', 'runs', 'best', 'finished'] as const
export type ExperimentOrder = { by: (typeof EXPERIMENT_ORDERS)[number]; isDescending: boolean }
