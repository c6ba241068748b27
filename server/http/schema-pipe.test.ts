import type { ArgumentMetadata } from '@nestjs/common'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { SchemaPipe } from './schema-pipe.js'

const pipe = new SchemaPipe()
const metadata = (type: ArgumentMetadata['type'], schema?: z.ZodType, data?: string): ArgumentMetadata => ({ type, data, schema }) as ArgumentMetadata

it('hands on what the schema makes of a value, and leaves arguments without a schema alone', () => {
  expect(pipe.transform({ n: '3' }, metadata('query', z.object({ n: z.coerce.number(), m: z.number().default(1) })))).toEqual({ n: 3, m: 1 })
  expect(pipe.transform('raw', metadata('body'))).toBe('raw')
})

it('names path, value and problem of what does not fit', () => {
  const schema = z.strictObject({ points: z.array(z.object({ step: z.number() })) })
  expect(() => pipe.transform({ points: [{ step: 1 }, { step: 'x' }], more: 1 }, metadata('body', schema))).toThrow(
    expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining('points[1].step'), problems: [expect.objectContaining({ path: 'points[1].step', seen: '"x"' }), expect.objectContaining({ message: expect.stringContaining('more') })] }) as Error,
  )
  expect(() => pipe.transform('x', metadata('param', z.coerce.number(), 'step'))).toThrow(expect.objectContaining({ problems: [expect.objectContaining({ path: 'path.step', seen: '"x"' })] }) as Error)
})

it('takes an empty number for one that is left out, and says of a word that it is none', () => {
  const schema = z.object({ limit: z.coerce.number().default(50), q: z.string().optional() })
  expect(pipe.transform({ limit: '', q: '' }, metadata('query', schema))).toEqual({ limit: 50, q: '' })
  expect(() => pipe.transform({ limit: 'ten' }, metadata('query', schema))).toThrow('query.limit: must be a number')
  expect(pipe.transform({ q: '' }, metadata('body', schema))).toEqual({ limit: 50, q: '' })
})
