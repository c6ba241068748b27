/* What is wrong with an experiment file, in Portuguese: the rules of experiments/spec.ts and of what it calls. */
import { inPortuguese, type Rule } from './rules.js'

/** What would be right. */
const ALLOWED: readonly Rule[] = [
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
  [/^none is there yet: add a folder in datasets\/$/, 'ainda não há nenhum: ponha uma pasta em datasets/'],
  [/^a list of values, or \{from, to, step\}$/, 'uma lista de valores ou {from, to, step}'],
  [/^a list of values, or \{from, to, step\}, or \{from, to, count, scale: log\}$/, 'uma lista de valores, {from, to, step} ou {from, to, count, scale: log}'],
  [/^run:ID for its picked or best checkpoint, run:ID@STEP for a given one$/, 'run:ID para o checkpoint escolhido ou melhor, run:ID@PASSO para um determinado'],
  [/^strategy: race, or no race$/, 'strategy: race, ou nada em race'],
  [/^grid; race for the kinds (.+) and (.+)$/, 'grid; race para os tipos $1 e $2'],
  [/^a metric of single items first, or strategy: grid$/, 'uma métrica de itens isolados primeiro, ou strategy: grid'],
  // Rules of single parameters.
  [/^the last message must be the user’s$/, 'a última mensagem deve ser do usuário (user)'],
  [/^letters of g, i, m, s, u$/, 'letras entre g, i, m, s, u'],
  [/^i, m and s only$/, 'apenas i, m e s'],
  [/^not a valid JavaScript regular expression with these flags$/, 'não é uma expressão regular JavaScript válida com essas flags'],
  [/^a name as a template can say it$/, 'um nome que um template possa dizer: letras, dígitos e _'],
  [/^give one of template, messages and json$/, 'informe um só entre template, messages e json'],
  [/^two steps have the same name$/, 'duas etapas têm o mesmo nome'],
  [/^a price is per token, per hour or per GPU second: give one of them$/, 'um preço é por token, por hora ou por segundo de GPU: informe um só'],
  [/^the name of an environment variable of the worker, never the key itself$/, 'o nome de uma variável de ambiente do worker, nunca a própria chave'],
  [/^the name of a \.jsonl file in recordings\/ under BANCADA_HOME$/, 'o nome de um arquivo .jsonl em recordings/ dentro de BANCADA_HOME'],
  [/^the name of a \.ts, \.js or \.mjs file in scorers\/ under BANCADA_HOME$/, 'o nome de um arquivo .ts, .js ou .mjs em scorers/ dentro de BANCADA_HOME'],
  [/^worst and best are the same$/, 'a pior nota e a melhor são iguais'],
  [/^target, run:ID, or \{field: name\}$/, 'target, run:ID ou {field: nome}'],
  [/^a name of letters, digits, _ and -$/, 'um nome de letras, dígitos, _ e -'],
  [/^a name of small letters, digits and _$/, 'um nome de letras minúsculas, dígitos e _'],
]

export const allowedInPortuguese = (allowed: string): string => inPortuguese(allowed, ALLOWED) ?? allowed.split(', or ').map((one) => inPortuguese(one, ALLOWED) ?? one).join(', ou ')

const FILE: readonly Rule[] = [
  [/^is missing$/, 'está faltando'],
  [/^the body is empty$/, 'o arquivo está vazio'],
  [/^unknown key (.+)$/, 'chave desconhecida $1'],
  [/^(.+) is a parameter of the run: write it under fixed, or several values of it under axes$/, '$1 é um parâmetro da execução: escreva-o em fixed, ou vários valores dele em axes'],
  [/^(.+) is refused: it is not known here$/, '$1 não serve: não é conhecido aqui'],
  [/^a text holds the character NUL; take it out$/, 'um texto contém o caractere NUL; retire-o'],
  [/^a text holds half of a character \(a lone surrogate\); write the whole character$/, 'um texto contém metade de um caractere; escreva o caractere inteiro'],
  [/^an alias holds itself; write the value out$/, 'um alias contém a si mesmo; escreva o valor por extenso'],
  [/^a character is not UTF-8; save the file as UTF-8$/, 'um caractere não é UTF-8; salve o arquivo como UTF-8'],
  [/^only a dataset with labels, or items with choices, has an accuracy; (.+) is for (\w+)$/, 'só um conjunto de dados com rótulos, ou itens com alternativas, tem acurácia; $1 é do tipo $2'],
  [/^only a dataset for retrieval has documents; (.+) is for (\w+)$/, 'só um conjunto de dados de recuperação (retrieval) tem documentos; $1 é do tipo $2'],
  [/^a \w+ run has no parameter (.+)$/, 'este tipo de execução não tem o parâmetro $1'],
  [/^a (\w+) run has no metric (.+)$/, 'uma execução $1 não tem a métrica $2'],
  [/^a (\w+) run has no model$/, 'uma execução $1 não tem modelo'],
  [/^there is no kind ([^;]+)$/, 'não há o tipo $1'],
  [/^there is no dataset (.+)$/, 'não há o conjunto de dados $1'],
  [/^there is no metric (.+)$/, 'não há a métrica $1'],
  [/^an experiment is a mapping with the keys (.+)$/, 'um experimento é um mapeamento com as chaves $1'],
  [/^(.+) is a metric of Bancada; give the scorer another name$/, '$1 é uma métrica do Bancada; dê outro nome ao avaliador'],
  [/^nothing is to be scored in another way: name scorers, metrics or extract$/, 'nada seria pontuado de outro modo: informe scorers, metrics ou extract'],
  [/^(.+) is named twice$/, '$1 aparece duas vezes'],
  [/^the model is given twice: as model and in fixed$/, 'o modelo é dado duas vezes: em model e em fixed'],
  [/^the model is given twice: as model and as an axis$/, 'o modelo é dado duas vezes: em model e como eixo'],
  [/^(.+) is both fixed and an axis; it can be only one of them$/, '$1 está em fixed e também é um eixo; só pode ser um dos dois'],
  [/^the axis is empty; give at least one value$/, 'o eixo está vazio; dê ao menos um valor'],
  [/^an axis is a list of values or a range; for one value write (.+) or put it in fixed$/, 'um eixo é uma lista de valores ou uma faixa; para um só valor escreva $1 ou ponha-o em fixed'],
  [/^the axis has (\d+) values; an experiment has at most (\d+) runs$/, 'o eixo tem $1 valores; um experimento tem no máximo $2 execuções'],
  [/^(.+) stands twice on the axis \(also at (\d+)\)$/, '$1 aparece duas vezes no eixo (também na posição $2)'],
  [/^(.+) does not name a run$/, '$1 não indica uma execução'],
  [/^the sweep has (\d+) runs \((.+)\); at most (\d+) are allowed$/, 'a varredura tem $1 execuções ($2); são permitidas no máximo $3'],
  [/^to must be above from, got from (\S+) to (\S+)$/, 'to deve ser maior que from; veio de $1 a $2'],
  [/^a log scale needs from above 0, got (\S+)$/, 'uma escala log precisa de from acima de 0; veio $1'],
  [/^a log scale needs count, and no step$/, 'uma escala log precisa de count, e não de step'],
  [/^a range needs either step or count$/, 'uma faixa precisa de step ou de count, um dos dois'],
  [/^step (\S+) does not lead from (\S+) to (\S+): end at (\S+) or (\S+), or give count instead$/, 'step $1 não leva de $2 a $3: termine em $4 ou $5, ou use count'],
]

/** Between parameters, in every cell; and between the file and its dataset. */
const CELLS: readonly Rule[] = [
  [/^hiddenSize (\d+) is not a multiple of heads (\d+)$/, 'hiddenSize $1 não é múltiplo de heads $2'],
  [/^hiddenSize (\d+) \/ heads (\d+) is odd, and rotary positions need pairs$/, 'hiddenSize $1 / heads $2 é ímpar, e as posições rotativas precisam de pares'],
  [/^heads (\d+) is not a multiple of kvHeads (\d+)$/, 'heads $1 não é múltiplo de kvHeads $2'],
  [/^maxLength (\d+) is above contextLength (\d+)$/, 'maxLength $1 é maior que contextLength $2'],
  [/^chunkOverlap (\S+) must be less than chunkSize (\S+)$/, 'chunkOverlap $1 deve ser menor que chunkSize $2'],
  [/^shotIds names (\d+) items, and shots is (\d+)$/, 'shotIds indica $1 itens, e shots é $2'],
  [/^the question is given twice: as prompt and as messages$/, 'a pergunta é dada duas vezes: em prompt e em messages'],
  [/^a json template places its examples itself, by the variable shots; set shots to 0, or give the prompt as messages$/, 'um template json põe ele mesmo os exemplos, pela variável shots; deixe shots em 0, ou dê o prompt como messages'],
  [/^a wrong answer cannot stand as a turn of the assistant; set shotsAs to text, or place negatives in a template$/, 'uma resposta errada não pode ser um turno do assistente; use shotsAs: text, ou ponha negatives em um template'],
  [/^samples is (\d+), and at temperature 0 a local model gives the same answer each time; set temperature above 0$/, 'samples é $1, e com temperatura 0 um modelo local dá sempre a mesma resposta; use temperature acima de 0'],
  [/^baseDtype is for local models; an endpoint holds its weights as it likes$/, 'baseDtype é para modelos locais; um endpoint guarda os pesos como quiser'],
  [/^baseDtype is for frozen weights; with method full every weight is trained, in f32$/, 'baseDtype é para pesos congelados; com method full todos os pesos são treinados, em f32'],
  [/^a (\w+) run needs a dataset for (.+); (.+) is for (\w+)$/, 'uma execução $1 precisa de um conjunto de dados do tipo $2; $3 é do tipo $4'],
  [/^only a dataset with labels has an accuracy; (.+) is for (\w+)$/, 'só um conjunto de dados com rótulos tem acurácia; $1 é do tipo $2'],
  [/^(.+) has no split (.+)$/, '$1 não tem a divisão $2'],
  [/^race is for strategy: race; the strategy is grid$/, 'race é para strategy: race; a estratégia é grid'],
  [/^a (\w+) run trains before it answers, so it cannot stop between items$/, 'uma execução $1 treina antes de responder, então não pode parar entre itens'],
  [/^a race needs at least two runs; give an axis two values$/, 'uma corrida precisa de ao menos duas execuções; dê dois valores a um eixo'],
  [/^(.+) is a figure of the whole corpus, and a race compares scores item by item$/, '$1 é um número do corpus inteiro, e uma corrida compara notas item a item'],
  [/^a race gains certainty from more items, not from repeats$/, 'uma corrida ganha certeza com mais itens, não com repetições'],
  [/^the runs of a race answer the same items, so (.+) cannot vary$/, 'as execuções de uma corrida respondem aos mesmos itens, então $1 não pode variar'],
  [/^this run needs about (.+?) of memory \((.+)\), and the largest worker, (.+), has (.+?); set gradientCheckpointing: .+$/, 'esta execução precisa de cerca de $1 de memória ($2), e o maior worker, $3, tem $4; use gradientCheckpointing: true, um batchSize menor (com mais accumulationSteps) ou maxLength menor, ou baseDtype: nf4'],
  [/^this run needs about (.+?) of memory \((.+)\), and this machine has (.+?); set gradientCheckpointing: .+$/, 'esta execução precisa de cerca de $1 de memória ($2), e esta máquina tem $3; use gradientCheckpointing: true, um batchSize menor (com mais accumulationSteps) ou maxLength menor, ou baseDtype: nf4'],
]

/** Not the file's meaning but its writing. */
const SYNTAX: readonly Rule[] = [
  [/^it has (\d+) characters; at most (\d+) are read$/, 'ele tem $1 caracteres; são lidos no máximo $2'],
  [/^it is nested too deeply$/, 'ele está aninhado fundo demais'],
  [/^the same key stands twice in one mapping \(column (\d+)\)$/, 'a mesma chave aparece duas vezes em um mapeamento (coluna $1)'],
  [/^it holds several documents; one file is one experiment \(column (\d+)\)$/, 'ele contém vários documentos; um arquivo é um experimento (coluna $1)'],
  [/^Implicit keys need to be on a single line \(column (\d+)\)$/, 'uma chave deve caber em uma só linha (coluna $1)'],
  [/^Implicit map keys need to be followed by map values \(column (\d+)\)$/, 'depois de uma chave faltam os dois-pontos e o valor (coluna $1)'],
  [/^Nested mappings are not allowed in compact mappings \(column (\d+)\)$/, 'há dois-pontos demais na mesma linha; ponha o texto entre aspas (coluna $1)'],
  [/^All mapping items must start at the same column \(column (\d+)\)$/, 'as chaves de um mapeamento devem começar na mesma coluna (coluna $1)'],
  [/^Missing closing (.+)quote \(column (\d+)\)$/, 'faltam as aspas que fecham $1 (coluna $2)'],
  [/^Flow (\w+) in block collection must be sufficiently indented and end with a (.) \(column (\d+)\)$/, 'falta $2 no fim da lista ou do mapeamento, ou o recuo é pequeno demais (coluna $3)'],
  [/^Tabs are not allowed as indentation \(column (\d+)\)$/, 'o recuo deve ser de espaços, não de tabulações (coluna $1)'],
  [/^Unexpected (.+) \(column (\d+)\)$/, 'algo inesperado aqui: $1 (coluna $2)'],
]

const RULES = [...FILE, ...CELLS, ...SYNTAX]

/** Null where the sentence is not known. */
export function fileRefusalInPortuguese(message: string): string | null {
  const refused = /^(.+) is refused: (.+)$/s.exec(message)
  if (refused !== null) return `${refused[1] ?? ''} não serve: ${allowedInPortuguese(refused[2] ?? '')}`
  const meant = /^(.+); did you mean (.+)\?$/.exec(message)
  if (meant !== null) return joined(fileRefusalInPortuguese(meant[1] ?? ''), `; você quis dizer ${meant[2] ?? ''}?`)
  const known = inPortuguese(message, RULES)
  if (known !== null) return known
  const [, rule = '', cell, others] = /^(.+?)(?: in the cell (.+?))?(?: \(and in (\d+) more cells\))?$/s.exec(message) ?? []
  if (cell === undefined && others === undefined) return null
  return joined(inPortuguese(rule, CELLS), `${cell === undefined ? '' : ` na combinação ${cell}`}${others === undefined ? '' : ` (e em mais ${others})`}`)
}

const joined = (text: string | null, more: string): string | null => (text === null ? null : text + more)
