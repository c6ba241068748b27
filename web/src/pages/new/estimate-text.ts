/* What an estimate says in words, in both languages. */
import type { Estimate } from '../../../../server/contracts/run.js'
import type { ExperimentTime, TimeRange, TimeUnknown } from '../../../../server/contracts/time-estimate.js'
import { formatCount, formatDuration } from '../../format.js'
import { language, say } from '../../i18n.js'

/** From least to most. */
export function spanText({ low, high }: TimeRange): string {
  return `${formatDuration(low * 1000)} – ${formatDuration(high * 1000)}`
}

/** Calls and tokens of judges or vectors; their cost stands beside. */
export function besidesText({ calls, tokens }: NonNullable<Estimate['judges']>): string {
  const count = (value: number | null): string => (value === null ? '?' : formatCount(value))
  return say(`up to ${count(calls)} calls, ${count(tokens)} tokens`, `até ${count(calls)} chamadas, ${count(tokens)} tokens`)
}

/** Most likely, and from least to most. */
export function rangeText(range: TimeRange): string {
  return `${formatDuration(range.seconds * 1000)} (${spanText(range)})`
}

/** On what the time rests, or why it is not known. */
export function timeText({ time, timeUnknown }: Pick<Estimate, 'time' | 'timeUnknown'>): string {
  if (time === null) return say('time: ', 'tempo: ') + whyUnknown(timeUnknown ?? 'no_past_runs')
  return `${say('time: ', 'tempo: ')}${groundOf(time)}; ${whoOf(time)}. ${say('It is a range: what else the machine does is not known.', 'É uma faixa: não se sabe o que mais a máquina fará.')}`
}

function groundOf({ basis, pastRuns }: ExperimentTime): string {
  const runs = pastRuns === 1 ? say('1 past run', '1 execução anterior') : say(`${formatCount(pastRuns)} past runs`, `${formatCount(pastRuns)} execuções anteriores`)
  switch (basis) {
    case 'same':
      return say(`from ${runs} like these on this machine`, `a partir de ${runs} como estas nesta máquina`)
    case 'model':
      return say(`from ${runs} of this model on this machine, of other shapes, prompts or datasets`, `a partir de ${runs} deste modelo nesta máquina, com outras formas, prompts ou conjuntos de dados`)
    case 'device':
      return say(`from ${runs} on this machine, of other models or datasets`, `a partir de ${runs} nesta máquina, com outros modelos ou conjuntos de dados`)
    case 'throughput':
      return say('from the measured speed of the device; no run on it tells more yet', 'a partir da velocidade medida do dispositivo; nenhuma execução nele diz mais ainda')
    case 'elsewhere':
      return say(`from ${runs} on other machines`, `a partir de ${runs} em outras máquinas`)
    case 'budget':
      return say('no more is known than the budget, at which each run ends', 'só se conhece o orçamento, no qual cada execução termina')
  }
}

function whoOf({ workers }: ExperimentTime): string {
  if (workers === 0) return say('no worker is at work now, and one is taken to be', 'nenhum worker está ativo agora, e supõe-se um')
  if (workers === 1) return say('on the one worker that is there', 'no único worker que há')
  return say(`on ${formatCount(workers)} workers`, `em ${formatCount(workers)} workers`)
}

function whyUnknown(reason: TimeUnknown): string {
  switch (reason) {
    case 'no_past_runs':
      return say('not known: no run that tells has finished, and no worker has measured its device yet', 'desconhecido: nenhuma execução que o diga terminou, e nenhum worker mediu seu dispositivo ainda')
    case 'unknown_model':
      return say('not known: the model, or what it trains on, is not known here', 'desconhecido: o modelo, ou aquilo com que ele treina, não é conhecido aqui')
    case 'unknown_items':
      return say('not known: the dataset has no such split', 'desconhecido: o conjunto de dados não tem essa divisão')
  }
}

/** A note of the server in the reader's language; null for that of time, which has its own words here. */
export function noteText(note: string): string | null {
  if (note.startsWith('time: ')) return null
  if (language() === 'en') return note
  for (const [english, portuguese] of IN_PORTUGUESE) {
    const found = english.exec(note)
    if (found !== null) return found.slice(1).reduce((text, part, index) => text.replace(`$${index + 1}`, part), portuguese)
  }
  return note
}

const IN_PORTUGUESE: readonly (readonly [RegExp, string])[] = [
  [/^calls: the dataset/, 'chamadas: o conjunto de dados não tem essa divisão'],
  [/^tokens: the length/, 'tokens: o tamanho dos itens do conjunto de dados não é conhecido, ou os prompts têm várias etapas ou turnos'],
  [/^tokens: rough/, 'tokens: aproximados, com 4 caracteres por token, itens inteiros e cada resposta tão longa quanto maxTokens'],
  [/^tokens: of training, with/, 'tokens: do treino, com 4 caracteres por token'],
  [/^tokens: of training, steps/, 'tokens: do treino, steps × batchSize × accumulationSteps × maxLength'],
  [/^cost: an endpoint/, 'custo: um endpoint não tem inputPerMillion e outputPerMillion em seu preço, ou os tokens não são conhecidos'],
  [/^cost: the price is per hour/, 'custo: o preço é por hora, e o tempo não é conhecido'],
  [/^cost: the price per hour/, 'custo: o preço por hora, pelo tempo estimado'],
  [/^cost: local runs/, 'custo: execuções locais não têm preço; defina price.perHour para contar a máquina'],
  [/^budget: each run stops at (.*) US/, 'orçamento: cada execução para em $1 dólares americanos'],
  [/^memory: a model is not/, 'memória: um modelo não está em models/ deste servidor, ou não é de uma família que se possa estimar'],
  [/^memory: of one run/, 'memória: de uma execução, com cada linha tão longa quanto maxLength'],
  [/^memory: not estimated/, 'memória: não estimada para execuções que não treinam'],
  [/^judges: the most/, 'juízes: o máximo que tomam, com 4 caracteres por token, cada resposta tão longa quanto maxTokens e cada veredito tão longo quanto o juiz pode escrever; respostas guardadas não são pedidas de novo. Não estão nos outros números e contam no orçamento'],
  [/^judges: assertions/, 'juízes: as asserções dos itens consultam avaliadores, e quais são está nos itens'],
  [/^embeddings: a call/, 'embeddings: uma chamada por texto, menos quando textos vão juntos, com 4 caracteres por token e trechos tão longos quanto chunkSize; vetores guardados não são pedidos de novo. Não estão nos outros números e contam no orçamento'],
  [/^cost of judges and vectors/, 'custo de juízes e vetores: desconhecido quando o arquivo não dá um preço por token para eles, ou quando seus tokens não são conhecidos'],
]
