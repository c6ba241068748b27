/* The variables that the request of an HTTP provider reads, made to fit the items that the tests became. */
import { Template } from '@huggingface/jinja'
import type { HttpEndpoint } from '../../../server/contracts/index.js'
import { freeVariables } from '../../template-variables.js'
import type { Findings } from '../findings.js'
import { textsIn } from './http-provider.js'
import { filledIn, type Item, withNames } from './items.js'

/** Names that the request is given besides the variables of the test. */
const GIVEN: ReadonlySet<string> = new Set(['prompt', 'env', 'decoding'])
/** Scheme and host, which must stand first. */
const ORIGIN = /^(https?:\/\/[^/?#{}]+|\{\{-?\s*env\.\w+\s*-?\}\})(.*)$/s

/** With variables whose names are taken read from where they stand, and those that a test lacks there as nothing. */
export function fitted(endpoint: HttpEndpoint, { items, taken, findings }: { items: Item[]; taken: ReadonlySet<string>; findings: Findings }): HttpEndpoint {
  const templates: string[] = []
  const fit = (source: string): string => {
    const template = withNames(source, { taken, affixes: false })
    templates.push(template)
    return template
  }
  const { url, headers, query, body } = endpoint
  const [, origin = '', path = url] = ORIGIN.exec(url) ?? []
  const request = { url: origin + fit(path), ...(headers === undefined ? {} : { headers: textsIn(headers, fit) }), ...(query === undefined ? {} : { query: textsIn(query, fit) }), ...(body === undefined ? {} : { body: textsIn(body, fit) }) }
  const wanted = templates.flatMap((template) => freeVariables(new Template(template).parsed)).filter((name) => !GIVEN.has(name.split('.')[0] ?? ''))
  filledIn(wanted, { what: `the request of ${endpoint.label ?? endpoint.model}`, items, findings })
  return { ...endpoint, ...request } as HttpEndpoint
}
