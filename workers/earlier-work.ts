/* What earlier attempts of a run left on the server, fetched so that it is not done again. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointListSchema, ExamplePageSchema, FileNameSchema, type Assignment, type Checkpoint, type Example } from '../server/contracts/index.js'
import { hashFile } from './reporter.js'
import { RunFailure, type ServerAccess } from './run-context.js'

const PAGE = 500

export class EarlierWork {
  private readonly server: ServerAccess
  private readonly assignment: Assignment

  constructor(server: ServerAccess, assignment: Assignment) {
    this.server = server
    this.assignment = assignment
  }

  async examples(): Promise<Example[]> {
    const { runId, resume } = this.assignment
    return resume.doneItems.length === 0 ? [] : readExamples(this.server, runId)
  }

  /** Folder of the checkpoint to go on from, or null. */
  async checkpointFolder(workFolder: string): Promise<string | null> {
    const { runId, resume } = this.assignment
    if (resume.checkpointStep === null) return null
    const folder = join(workFolder, `resume-${resume.checkpointStep}`)
    await downloadCheckpoint(this.server, { runId, step: resume.checkpointStep, folder })
    return folder
  }
}

/** Every answer of a run, in the order in which they came. */
export async function readExamples(server: Pick<ServerAccess, 'getJson'>, runId: string): Promise<Example[]> {
  const examples: Example[] = []
  for (;;) {
    const path = `/api/runs/${encodeURIComponent(runId)}/examples?limit=${PAGE}&offset=${examples.length}`
    const page = ExamplePageSchema.parse(await server.getJson(path))
    examples.push(...page.examples)
    if (page.examples.length === 0 || examples.length >= page.total) return examples
  }
}

export async function listCheckpoints(server: ServerAccess, runId: string): Promise<Checkpoint[]> {
  return CheckpointListSchema.parse(await server.getJson(`/api/runs/${encodeURIComponent(runId)}/checkpoints`)).checkpoints
}

export interface CheckpointDownload {
  runId: string
  step: number
  folder: string
  /** Left out: all files. */
  wants?: (name: string) => boolean
}

/** Downloads a checkpoint's files and checks each against the hash it was committed with. */
export async function downloadCheckpoint(server: ServerAccess, { runId, step, folder, wants = () => true }: CheckpointDownload): Promise<void> {
  const checkpoint = (await listCheckpoints(server, runId)).find((candidate) => candidate.step === step)
  if (checkpoint === undefined) throw new RunFailure('checkpoint_missing', `run ${runId} has no checkpoint of step ${step}`)
  await mkdir(folder, { recursive: true })
  try {
    for (const file of checkpoint.files.filter(({ name }) => wants(name))) {
      const path = join(folder, FileNameSchema.parse(file.name))
      await server.download(`/api/worker/runs/${encodeURIComponent(runId)}/checkpoints/${step}/files/${encodeURIComponent(file.name)}`, path)
      const sha256 = await hashFile(path)
      if (sha256 !== file.sha256) {
        throw new RunFailure('checkpoint_damaged', `${file.name} of step ${step} of run ${runId} has sha256 ${sha256}, and was stored with ${file.sha256}; start the run again`)
      }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
