/**
 * What servers and workers say in English, as a Portuguese page tells it. Codes have a sentence of their own here; the
 * details, which name values and the mend, stay in the server's words beside it.
 */
import type { ErrorCode, Problem } from '../../server/contracts/errors.js'
import { say } from './i18n.js'

/** By message: the Portuguese of it, with its figures. */
const PROGRESS: readonly (readonly [RegExp, string])[] = [
  [/^opening the dataset$/, 'abrindo o conjunto de dados'],
  [/^opening the model$/, 'abrindo o modelo'],
  [/^evaluating$/, 'avaliando'],
  [/^reading the text$/, 'lendo o texto'],
  [/^encoding the text$/, 'codificando o texto'],
  [/^training the tokenizer$/, 'treinando o tokenizador'],
  [/^indexing$/, 'indexando'],
  [/^embedding the documents: (\d+) of (\d+) sentences$/, 'vetorizando os documentos: $1 de $2 frases'],
  [/^embedding the documents: (\d+) of (\d+) \w+$/, 'vetorizando os documentos: $1 de $2'],
  [/^testing: (\d+) of (\d+) items$/, 'testando: $1 de $2 itens'],
  [/^reading the answers of run (.+)$/, 'lendo as respostas da execução $1'],
]

const translated = (text: string, rules: readonly (readonly [RegExp, string])[]): string => {
  const rule = rules.find(([pattern]) => pattern.test(text))
  return rule === undefined ? text : text.replace(...rule)
}

/** What a run is doing now. */
export const progressMessage = (message: string): string => say(message, translated(message, PROGRESS))

/** Why a run failed, by its code; the message says the rest. */
const FAILURES: Readonly<Record<string, string>> = {
  budget_exceeded: 'o orçamento acabou',
  budget_unknown: 'o orçamento não pode ser cumprido, pois o custo não é conhecido',
  checkpoint_damaged: 'um checkpoint está danificado',
  checkpoint_missing: 'um checkpoint não foi encontrado',
  child_not_started: 'o processo da execução não pôde ser iniciado',
  crashed: 'o processo da execução caiu',
  dataset_changed: 'o conjunto de dados mudou desde que ela entrou na fila',
  dataset_unfit: 'o conjunto de dados não serve para este tipo de execução',
  dataset_unsuitable: 'o conjunto de dados não serve para este tipo de execução',
  diverged: 'a perda deixou de ser um número',
  endpoint_failed: 'o endpoint do modelo falhou',
  invalid_params: 'algum parâmetro não serve',
  key_missing: 'falta a chave do provedor',
  likelihood_unsupported: 'este modelo não informa verossimilhanças',
  memory_short: 'a memória não basta',
  metric_unknown: 'uma métrica não é conhecida',
  model_missing: 'o modelo não foi encontrado',
  nothing_answered: 'nenhum item foi respondido',
  prices_invalid: 'a tabela de preços tem erros',
  report_refused: 'o servidor recusou um relato do worker',
  template_invalid: 'um template tem erros',
  template_variable: 'um template usa uma variável que o item não tem',
  adapter_invalid: 'o adaptador tem erros',
  checkpoint_invalid: 'o checkpoint tem erros',
  config_invalid: 'a configuração do modelo tem erros',
  context_exceeded: 'o texto não cabe no contexto do modelo',
  dataset_file: 'um arquivo do conjunto de dados não pôde ser lido',
  dataset_line: 'uma linha do conjunto de dados tem erros',
  dataset_manifest: 'o manifesto do conjunto de dados tem erros',
  dataset_unknown: 'o conjunto de dados não foi encontrado',
  device_failed: 'o dispositivo falhou',
  device_limit: 'o dispositivo não comporta isto',
  device_missing: 'falta o dispositivo',
  file_unreadable: 'um arquivo não pôde ser lido',
  loss_not_finite: 'a perda deixou de ser um número',
  package_missing: 'falta um pacote opcional',
  recording_invalid: 'uma gravação tem erros',
  recording_missing: 'falta uma gravação',
  split_unknown: 'falta uma divisão do conjunto de dados',
  tokenizer_invalid: 'o tokenizador tem erros',
  weights_invalid: 'os pesos do modelo têm erros',
  weights_missing: 'faltam pesos do modelo',
  worker_lost: 'o worker se perdeu vezes demais',
  internal: 'um erro interno do worker',
}

export function failureInWords(code: string): string {
  const why = FAILURES[code]
  return say(`This run failed (${code})`, why === undefined ? `Esta execução falhou (${code})` : `Esta execução falhou: ${why} (${code})`)
}

/** What an answer that is no success means, by its code. */
export function errorInWords(code: ErrorCode): string {
  switch (code) {
    case 'invalid_request':
      return say('The server refused the request: a value does not fit.', 'O servidor recusou o pedido: algum valor não serve.')
    case 'invalid_spec':
      return say('The experiment file has errors.', 'O arquivo do experimento tem erros.')
    case 'unauthorized':
      return say('Sign in first.', 'Entre primeiro com a sua conta.')
    case 'forbidden':
      return say('Your account may not do this.', 'A sua conta não pode fazer isto.')
    case 'not_found':
      return say('This does not exist, or no longer.', 'Isto não existe, ou não existe mais.')
    case 'conflict':
    case 'fenced':
      return say('This does not fit the present state.', 'Isto não combina com o estado atual.')
    case 'too_large':
      return say('What was sent is too large.', 'O que foi enviado é grande demais.')
    case 'unsupported_media_type':
      return say('The server does not read this type of content.', 'O servidor não lê este tipo de conteúdo.')
    case 'dataset_invalid':
      return say('The dataset has errors.', 'O conjunto de dados tem erros.')
    case 'storage_full':
      return say('The disk of the server is full.', 'O disco do servidor está cheio.')
    case 'unavailable':
      return say('The server cannot do this now.', 'O servidor não consegue fazer isto agora.')
    case 'internal':
      return say('Something broke in the server; its log tells more.', 'Algo quebrou no servidor; o log dele diz mais.')
  }
}

const ALLOWED: readonly (readonly [RegExp, string])[] = [
  [/^a whole number$/, 'um número inteiro'],
  [/^a value of type (.+)$/, 'um valor do tipo $1'],
  [/^at least (\S+) characters$/, 'pelo menos $1 caracteres'],
  [/^at least (\S+) entries$/, 'pelo menos $1 entradas'],
  [/^at least (\S+)$/, 'pelo menos $1'],
  [/^more than (\S+)$/, 'mais que $1'],
  [/^at most (\S+) characters$/, 'no máximo $1 caracteres'],
  [/^at most (\S+) entries$/, 'no máximo $1 entradas'],
  [/^at most (\S+)$/, 'no máximo $1'],
  [/^less than (\S+)$/, 'menos que $1'],
  [/^one of (.+)$/, 'um destes: $1'],
  [/^an http or https address$/, 'um endereço http ou https'],
]

export const allowedInWords = (allowed: string): string => say(allowed, allowed.split(', or ').map((one) => translated(one, ALLOWED)).join(', ou '))

/** A fault of a file. What the schema says of values and keys is told in both languages; rules of their own are in English. */
export function problemInWords({ message, seen, allowed }: Pick<Problem, 'message' | 'seen' | 'allowed'>): string {
  const unknown = /^(?:unknown key|a \w+ run has no parameter) (.+?)(?:; did you mean (.+)\?)?$/.exec(message)
  if (unknown !== null) return say(message, `${message.startsWith('unknown key') ? 'chave desconhecida' : 'este tipo de execução não tem o parâmetro'} ${unknown[1] ?? ''}${unknown[2] === undefined ? '' : `; você quis dizer ${unknown[2]}?`}`)
  if (message === 'is missing') return say(message, 'está faltando')
  if (seen !== undefined && allowed !== undefined && message === `${seen} is refused: ${allowed}`) return say(message, `${seen} não serve: ${allowedInWords(allowed)}`)
  return message
}
