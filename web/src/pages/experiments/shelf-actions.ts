/** What is done with experiments from a list or their own page, each with a way back. */
import type { ExperimentSummary } from '../../../../server/contracts/run.js'
import { changeExperiment, deleteExperiment, restoreExperiment } from '../../api.js'
import { formatCount } from '../../format.js'
import { say } from '../../i18n.js'
import type { Notices } from '../../state/notices.svelte.js'

type Known = Pick<ExperimentSummary, 'id' | 'name' | 'tags' | 'starred'>

const several = (experiments: readonly Known[]): string =>
  experiments.length === 1 && experiments[0] ? `“${experiments[0].name}”` : say(`${formatCount(experiments.length)} experiments`, `${formatCount(experiments.length)} experimentos`)

/** Does the same to each; what fails is told, and the others are done all the same. Gives those that worked. */
async function forEach(experiments: readonly Known[], notices: Notices, work: (experiment: Known) => Promise<void>): Promise<Known[]> {
  const done: Known[] = []
  for (const experiment of experiments) {
    try {
      await work(experiment)
      done.push(experiment)
    } catch (error) {
      notices.complain(error)
    }
  }
  return done
}

export async function archive(experiments: readonly Known[], notices: Notices, isArchived = true): Promise<void> {
  const set = (archived: boolean) => (experiment: Known): Promise<void> => changeExperiment(experiment.id, { archived })
  const done = await forEach(experiments, notices, set(isArchived))
  if (done.length === 0) return
  notices.offer(isArchived ? say(`Archived ${several(done)}.`, `Arquivado: ${several(done)}.`) : say(`Back in the list: ${several(done)}.`, `De volta à lista: ${several(done)}.`), {
    label: say('Undo', 'Desfazer'),
    run: () => void forEach(done, notices, set(!isArchived)),
  })
}

export async function remove(experiments: readonly Known[], notices: Notices): Promise<boolean> {
  const done = await forEach(experiments, notices, (experiment) => deleteExperiment(experiment.id))
  if (done.length === 0) return false
  notices.offer(say(`Deleted ${several(done)}. For seven days is:deleted finds it again.`, `Excluído: ${several(done)}. Por sete dias, is:deleted o encontra.`), {
    label: say('Undo', 'Desfazer'),
    run: () => void restore(done, notices),
  })
  return true
}

export async function restore(experiments: readonly Known[], notices: Notices): Promise<void> {
  const done = await forEach(experiments, notices, (experiment) => restoreExperiment(experiment.id))
  if (done.length > 0) notices.say(say(`Restored ${several(done)}.`, `Restaurado: ${several(done)}.`))
}

export async function addTag(experiments: readonly Known[], tag: string, notices: Notices): Promise<void> {
  const done = await forEach(experiments.filter(({ tags }) => !tags.includes(tag)), notices, ({ id, tags }) => changeExperiment(id, { tags: [...tags, tag] }))
  if (done.length === 0) return
  notices.offer(say(`Tagged ${several(done)} with “${tag}”.`, `Etiqueta “${tag}” em ${several(done)}.`), {
    label: say('Undo', 'Desfazer'),
    run: () => void forEach(done, notices, ({ id, tags }) => changeExperiment(id, { tags })),
  })
}

export async function star(experiment: Known, notices: Notices): Promise<void> {
  await forEach([experiment], notices, ({ id, starred }) => changeExperiment(id, { starred: starred !== true }))
}
