import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { assertDiskSpace } from './disk-space.js'

it('refuses to write below the reserve, and says how much is free and where', async () => {
  await expect(assertDiskSpace(tmpdir(), 1)).resolves.toBeUndefined()
  await expect(assertDiskSpace(tmpdir(), Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: 'storage_full', message: expect.stringContaining(tmpdir()) })
})
