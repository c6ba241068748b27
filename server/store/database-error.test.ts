import { expect, it } from 'vitest'
import { databaseFault } from './database-error.js'

it('finds a full disk and an absent database below whatever wraps them', () => {
  const full = new Error('outer', { cause: Object.assign(new Error('could not extend file'), { code: '53100' }) })
  expect(databaseFault(full)).toMatchObject({ code: 'storage_full', status: 507 })
  expect(databaseFault(Object.assign(new Error('query failed'), { meta: { driverAdapterError: { message: 'No space left on device' } } }))?.code).toBe('storage_full')
  expect(databaseFault(new Error('connect ECONNREFUSED 127.0.0.1:5432'))?.code).toBe('unavailable')
  expect(databaseFault(new Error('syntax error'))).toBeNull()
  expect(databaseFault(null)).toBeNull()
})
