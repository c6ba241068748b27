/**
 * What servers and workers say in English, as a Portuguese page tells it. Codes have a sentence of their own here, and
 * what is refused has its Portuguese in portuguese/; only details that are not known there stay in the server's words.
 */
import type { ErrorCode, Problem } from '../../server/contracts/errors.js'
import { language, say } from './i18n.js'
import { refusalInPortuguese } from './portuguese/answer-refusals.js'
import { allowedInPortuguese } from './portuguese/file-refusals.js'
import { failureInPortuguese } from './portuguese/failures.js'
import { inPortuguese, type Rule } from './portuguese/rules.js'

/** By message: the Portuguese of it, with its figures. */
const PROGRESS: readonly Rule[] = [
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

/** What a run is doing now. */
export const progressMessage = (message: string): string => say(message, inPortuguese(message, PROGRESS) ?? message)

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

/** The rest of it: values and the mend. */
export function failureDetail(message: string): string {
  return say(message, failureInPortuguese(message) ?? message)
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

/** A sentence of the server's, as a request was refused: in the reader's language where that is known, and whether it is. */
export function refusalInWords(message: string): { text: string; isTold: boolean } {
  const portuguese = refusalInPortuguese(message)
  return { text: say(message, portuguese ?? message), isTold: language() === 'en' || portuguese !== null }
}

export const allowedInWords = (allowed: string): string => say(allowed, allowedInPortuguese(allowed))

/** A fault of a file or of a request. */
export const problemInWords = ({ message }: Pick<Problem, 'message'>): string => refusalInWords(message).text
