/* Files of an import, beside their place first and moved there when all of them are whole. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '../contracts/index.js'

export interface Imported {
  dataset: string
  /** Paths are relative to where datasets/ and experiments/ are. */
  files: readonly { path: string; text: string }[]
}

/** All of it or nothing: what is already there with another content is not touched, since runs may rest on it. */
export async function writeImported(out: string, { files, dataset }: Imported): Promise<void> {
  for (const { path, text } of files) {
    const place = resolve(out, path)
    if (existsSync(place) && (await readFile(place, 'utf8')) !== text) throw new AppError('conflict', `Nothing was imported: ${place} is already there with another content; give --name, or take it away.`)
  }
  const beside = resolve(out, `.import-${dataset}-${process.pid}`)
  try {
    for (const { path, text } of files) {
      await mkdir(dirname(join(beside, path)), { recursive: true })
      await writeFile(join(beside, path), text)
    }
    for (const { path } of files) {
      await mkdir(dirname(resolve(out, path)), { recursive: true })
      await rename(join(beside, path), resolve(out, path))
    }
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}
