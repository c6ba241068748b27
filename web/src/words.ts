/** Names of things as the pages write them. */
import type { Kind } from '../../server/contracts/experiment.js'
import type { RaceStanding } from '../../server/contracts/race.js'
import type { RunStatus } from '../../server/contracts/run.js'
import { formatCount, shorten } from './format.js'
import { say } from './i18n.js'

export const kindsInWords = (): Record<Kind, string> => ({ prompt: 'Prompt', lora: 'LoRA', rag: 'RAG', pretrain: say('Pretraining', 'Pré-treino') })

/** What a run counts along x: optimizer steps when it trains, items when it answers. */
export const stepUnit = (kind: Kind): string => (kind === 'lora' || kind === 'pretrain' ? say('step', 'passo') : say('items', 'itens'))

/** Nothing more comes from a run in this state. */
export const isOver = (status: RunStatus): boolean => status !== 'queued' && status !== 'running' && status !== 'waiting'

export const plural = (count: number, word: string, words = `${word}s`): string => `${formatCount(count)} ${count === 1 ? word : words}`

const PARAMETER = /(^|, )([\w.]+)=/g

/** Of a run that is named by several parameters the values alone, for where there is little room. */
export const valuesOnly = (name: string): string => ((name.match(PARAMETER)?.length ?? 0) > 1 ? name.replaceAll(PARAMETER, '$1') : name)

/** A run's name in so many characters: the values alone before anything is cut, as names of one sweep begin alike. */
export const fitted = (name: string, length: number): string => shorten(name.length <= length ? name : valuesOnly(name), length)

/** What those values are of, in the same order. */
export const parametersOf = (name: string): string[] => [...name.matchAll(PARAMETER)].flatMap(([, , parameter]) => parameter ?? [])

/** A sentence of the server's as a page writes it: a number and its unit on one line, a true minus sign. */
export const unbroken = (text: string): string => text.replaceAll(/(\d) (%|ms\b|points\b|pontos\b)/g, '$1\u00a0$2').replaceAll(/(?<=^|[\s([^])-(?=\d)/g, '\u2212')

/** Why a run was stopped in its race, or how the race ended. Old runs know it in English alone. */
export const raceReason = ({ reason, reasonPt }: Pick<RaceStanding, 'reason' | 'reasonPt'>): string => unbroken(say(reason ?? '', reasonPt ?? reason ?? ''))

/** Who reviews without a name is stored under this one in every language, so that a change of language makes nobody another. */
export const UNNAMED = 'me'

/** A reviewer as the page calls them. */
export const reviewerInWords = (name: string, own: string): string => (name !== UNNAMED ? name : own === UNNAMED ? say('me', 'eu') : say('without a name', 'sem nome'))

/** What a reader typed as their name. */
export const reviewerNamed = (typed: string): string => (['', say('me', 'eu')].includes(typed.trim()) ? UNNAMED : typed.trim().slice(0, 60))

/** Starts a worker for the server that this page came from. */
export const workerCommand = (): string => `npx bancada worker --server ${window.location.origin}`
