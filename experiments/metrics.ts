import type { CorpusFigure, DatasetTask, ExperimentSpec, Kind, MetricSummary, Scorers } from '../server/contracts/index.js'

/** A score that examples carry, and how its mean over items is reported. */
export interface Metric {
  label: string
  higherIsBetter: boolean
  /** Left out for scores that have none, such as nDCG. */
  unit?: string
  /** proportion: every score is 0 or 1; of several people, the share of them who say 1. */
  estimator: 'proportion' | 'mean'
  /** Scores lie in [0, 1] by definition. */
  bounded: boolean
  kinds: readonly Kind[]
  description: string
  /** A figure of the whole corpus, not the mean of its items; see statistics/corpus.ts. */
  corpus?: CorpusFigure
}

export type NamedMetric = Metric & { id: string }

/** What the experiment file says of a metric that a scorer of the user's own gives. */
export type OwnMetric = Pick<Metric, 'higherIsBetter' | 'unit'>

/** By name. Scorers that do not say otherwise are better when higher. */
export function ownMetrics(scorers: Scorers): Map<string, OwnMetric> {
  return new Map(Object.entries(scorers).flatMap(([name, scorer]) => (scorer.type === 'custom' ? [[name, { higherIsBetter: scorer.better === 'higher', ...(scorer.unit === undefined ? {} : { unit: scorer.unit }) }] as const] : [])))
}

const share = { higherIsBetter: true, estimator: 'proportion', bounded: true } as const
const fraction = { higherIsBetter: true, estimator: 'mean', bounded: true } as const
const cost = { higherIsBetter: false, estimator: 'mean', bounded: false } as const
const ofCorpus = { higherIsBetter: true, estimator: 'mean', bounded: false, kinds: ['prompt'] } as const
const answers: readonly Kind[] = ['prompt', 'lora']

/** The metric that people give after a run is over; see annotations. */
export const HUMAN = 'human'

/** Every metric of the product by its id, the key of `scores` in an example. */
export const METRICS: Readonly<Record<string, Metric>> = {
  accuracy: { ...share, label: 'Accuracy', kinds: answers, description: 'the label given is the target' },
  acc_norm: { ...share, label: 'Accuracy, by length', kinds: ['prompt'], description: 'the choice with the highest log-likelihood per character is right' },
  acc_bytes: { ...share, label: 'Accuracy, by bytes', kinds: ['prompt'], description: 'the choice with the highest log-likelihood per UTF-8 byte is right' },
  acc_mutual_info: { ...share, label: 'Accuracy, by mutual information', kinds: ['prompt'], description: 'the choice that the question makes likelier by most is right: log-likelihood after it less that by itself' },
  brier_score: { ...cost, label: 'Brier score', kinds: ['prompt'], description: 'squared distance of the choices’ probabilities from the right answer, 0 to 2' },
  choice_f1: { ...ofCorpus, corpus: 'f1', label: 'F1 of the second choice', description: 'of two choices, over the whole corpus' },
  mcc: { ...ofCorpus, corpus: 'mcc', label: 'MCC', description: 'Matthews’ correlation of the choices taken and the right ones, over the whole corpus' },
  exact_match: { ...share, label: 'Exact match', kinds: answers, description: 'the answer is the target, apart from case, punctuation and spaces' },
  contains: { ...share, label: 'Contains target', kinds: answers, description: 'the target stands somewhere in the answer' },
  numeric_match: { ...share, label: 'Numeric match', kinds: answers, description: 'the last number of the answer is that of the target' },
  token_f1: { ...fraction, label: 'Token F1', kinds: answers, description: 'harmonic mean of precision and recall of the words of the answer' },
  rouge_1: { ...fraction, label: 'ROUGE-1', kinds: answers, description: 'F1 of shared words' },
  rouge_2: { ...fraction, label: 'ROUGE-2', kinds: answers, description: 'F1 of shared pairs of words' },
  rouge_l: { ...fraction, label: 'ROUGE-L', kinds: answers, description: 'F1 of the longest common subsequence of words' },
  bleu: { ...fraction, label: 'Sentence BLEU', kinds: answers, description: 'mean over items of BLEU with its effective order, on a scale of 0 to 1; not the BLEU of the corpus' },
  chrf: { ...fraction, label: 'chrF', kinds: answers, description: 'F2 of character n-grams up to 6, on a scale of 0 to 1' },
  corpus_bleu: { ...ofCorpus, corpus: 'bleu', label: 'BLEU', description: 'of the whole corpus, as sacreBLEU computes it, 0 to 100' },
  corpus_chrf: { ...ofCorpus, corpus: 'chrf', label: 'chrF2', description: 'of the whole corpus, as sacreBLEU computes it, 0 to 100' },
  corpus_chrf_pp: { ...ofCorpus, corpus: 'chrf++', label: 'chrF2++', description: 'chrF2 with words and pairs of words, of the whole corpus, 0 to 100' },
  ter: { ...ofCorpus, corpus: 'ter', higherIsBetter: false, label: 'TER', description: 'translation edit rate of the whole corpus: edits per 100 words of reference' },
  edit_similarity: { ...fraction, label: 'Edit similarity', kinds: answers, description: '1 − edit distance in characters / length of the longer text' },
  greedy_match: { ...share, label: 'Greedy match', kinds: ['prompt'], description: 'every token of the target, or of the right choice, is what the model would have written' },
  target_perplexity: { ...ofCorpus, corpus: 'perplexity', higherIsBetter: false, label: 'Perplexity of the target', description: 'e^(mean negative log-likelihood of the whole target)' },
  word_perplexity: { ...ofCorpus, corpus: 'perplexity', higherIsBetter: false, label: 'Word perplexity', description: 'e^(negative log-likelihood of all texts / their words)' },
  byte_perplexity: { ...ofCorpus, corpus: 'perplexity', higherIsBetter: false, label: 'Byte perplexity', description: 'e^(negative log-likelihood of all texts / their bytes)' },
  loss: { ...cost, label: 'Loss', unit: 'nats/token', kinds: ['prompt', 'lora', 'pretrain'], description: 'mean negative log-likelihood of the target’s tokens' },
  bits_per_byte: { ...cost, label: 'Bits per byte', unit: 'bits/byte', kinds: ['prompt', 'lora', 'pretrain'], description: 'negative log2-likelihood of the text by its UTF-8 bytes' },
  ndcg: { ...fraction, label: 'nDCG@k', kinds: ['rag'], description: 'gold passage newly covered by each chunk, discounted by log2 of its rank' },
  hit: { ...share, label: 'Hit@k', kinds: ['rag'], description: 'one of the k chunks covers at least half of the gold passage' },
  mrr: { ...fraction, label: 'MRR@k', kinds: ['rag'], description: '1 / rank of the first chunk that covers at least half of the gold passage; 0 if none does' },
  recall: { ...fraction, label: 'Recall@k', kinds: ['rag'], description: 'share of the gold passage’s characters that the k chunks cover together' },
  context_chars: { ...cost, label: 'Context', unit: 'characters', kinds: ['rag'], description: 'characters of the k chunks: what a reader model would have to read' },
  human: { ...share, label: 'Human approval', kinds: [], description: 'people call the answer good; with several people, the share of them who do' },
}

/** Labels in Portuguese; metrics without an entry have the same one in both languages. */
export const PORTUGUESE_LABELS: Readonly<Record<string, string>> = {
  accuracy: 'Acurácia',
  acc_norm: 'Acurácia, por comprimento',
  acc_bytes: 'Acurácia, por bytes',
  acc_mutual_info: 'Acurácia, por informação mútua',
  brier_score: 'Escore de Brier',
  choice_f1: 'F1 da segunda opção',
  greedy_match: 'Correspondência gulosa',
  target_perplexity: 'Perplexidade do alvo',
  word_perplexity: 'Perplexidade por palavra',
  byte_perplexity: 'Perplexidade por byte',
  exact_match: 'Correspondência exata',
  contains: 'Contém o alvo',
  numeric_match: 'Correspondência numérica',
  token_f1: 'F1 de tokens',
  bleu: 'BLEU por frase',
  edit_similarity: 'Similaridade de edição',
  loss: 'Perda (loss)',
  bits_per_byte: 'Bits por byte',
  context_chars: 'Contexto',
  human: 'Aprovação humana',
}

/** What is reported when the file names no metrics; the first one is the one runs are compared by. */
export const DEFAULT_METRICS: Readonly<Record<Kind, readonly string[]>> = {
  prompt: ['accuracy'],
  lora: ['accuracy', 'loss'],
  rag: ['ndcg', 'hit', 'mrr', 'recall', 'context_chars'],
  pretrain: ['bits_per_byte', 'loss'],
}

const TASK_METRICS: Readonly<Partial<Record<DatasetTask, Readonly<Partial<Record<Kind, readonly string[]>>>>>> = {
  generation: { prompt: ['exact_match', 'token_f1'], lora: ['token_f1', 'exact_match', 'loss'] },
  retrieval: { prompt: ['token_f1', 'exact_match'] },
  chat: { lora: ['token_f1', 'exact_match', 'loss'] },
  text: { lora: ['bits_per_byte', 'loss'] },
}

export function metricsOfKind(kind: Kind): string[] {
  return Object.keys(METRICS).filter((id) => METRICS[id]?.kinds.includes(kind))
}

/** The metrics of an experiment. Only tasks with labels have an accuracy. */
export function metricsOf(spec: Pick<ExperimentSpec, 'kind' | 'metrics'>, task?: DatasetTask): readonly string[] {
  if (spec.metrics) return spec.metrics
  return (task === undefined ? undefined : TASK_METRICS[task]?.[spec.kind]) ?? DEFAULT_METRICS[spec.kind]
}

export function primaryMetric(spec: Pick<ExperimentSpec, 'kind' | 'metrics'>, task?: DatasetTask): string {
  const [first] = metricsOf(spec, task)
  if (first === undefined) throw new RangeError(`kind ${spec.kind} has no metrics`)
  return first
}

/** A metric by its id; one of users' own is known by what runs say of it in their summaries. */
export function describeMetric(id: string, summaries: readonly MetricSummary[]): NamedMetric {
  const known = METRICS[id]
  if (known) return { id, ...known }
  const [summary] = summaries
  const isProportion = summaries.length > 0 && summaries.every(({ method }) => method === 'wilson')
  const unit = summary?.unit === undefined ? {} : { unit: summary.unit }
  return { id, label: id, higherIsBetter: summary?.higherIsBetter ?? true, ...unit, estimator: isProportion ? 'proportion' : 'mean', bounded: false, kinds: [], description: '' }
}
