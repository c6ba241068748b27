/* What the server refuses, in Portuguese. server-words.test.ts holds it to the sentences in the server's source. */
import { inPortuguese, type Rule } from './rules.js'
import { fileRefusalInPortuguese } from './file-refusals.js'

/** Of a run or an experiment, as sentences tell it. */
const STATES: Readonly<Record<string, string>> = {
  queued: 'na fila', waiting: 'à espera', running: 'em andamento', succeeded: 'concluída', failed: 'com falha', cancelled: 'cancelada', stopped: 'parada',
}

const ANSWERS: readonly Rule[] = [
  [/^There is no experiment "(.*)"\.$/, 'Não há o experimento “$1”.'],
  [/^The experiment "(.*)" has no run (.+)\.$/, 'O experimento “$1” não tem a execução $2.'],
  [/^There is no dataset "(.*)"\.$/, 'Não há o conjunto de dados “$1”.'],
  [/^There is no run "(.*)" with answers to judge\.$/, 'Não há uma execução “$1” com respostas a julgar.'],
  [/^There is no run to compare\.$/, 'Não há execução a comparar.'],
  [/^There is no run (.+)\.$/, 'Não há a execução $1.'],
  [/^There is no (GET|POST|PUT|PATCH|DELETE) (.+)\. GET \/api\/docs lists every path\.$/, 'Não existe $1 $2. GET /api/docs lista todos os caminhos.'],
  [/^Run (.+) has no file "(.*)" in a checkpoint at step (.+)\.$/, 'A execução $1 não tem o arquivo “$2” em um checkpoint no passo $3.'],
  [/^Run (.+) has no checkpoint at step (.+); it has none\.$/, 'A execução $1 não tem checkpoint no passo $2; não tem nenhum.'],
  [/^Run (.+) has no checkpoint at step (.+); (?:it has them at )?(.+)\.$/, 'A execução $1 não tem checkpoint no passo $2; tem em: $3.'],
  [/^Run (.+) kept no losses of single tokens for item "(.*)"; .+$/, 'A execução $1 não guardou as perdas por token do item “$2”.'],
  [/^A file of run (.+) \(sha256 (.+)\) is missing from the artifacts folder; was it removed by hand\?$/, 'Falta um arquivo da execução $1 (sha256 $2) na pasta de artefatos; alguém o apagou?'],
  [/^Run (.+) is (\w+); only a failed, cancelled or stopped run can be retried\.$/, 'A execução $1 está {$2}; só uma execução que falhou, foi cancelada ou parou pode ser retomada.'],
  [/^Run (.+) is (\w+); only a run that is queued has a place in the line\.$/, 'A execução $1 está {$2}; só uma execução na fila tem um lugar nela.'],
  [/^Experiment "(.*)" is (\w+); cancel it first, then delete it\.$/, 'O experimento “$1” está {$2}; cancele-o primeiro e depois o apague.'],
  [/^None of these runs has an answer to the item "(.*)"\.$/, 'Nenhuma dessas execuções tem uma resposta ao item “$1”.'],
  [/^The run "(.*)" has no answer to the item "(.*)"\.$/, 'A execução “$1” não tem resposta ao item “$2”.'],
  [/^The runs (.+) and (.+) have not both answered the item "(.*)"\.$/, 'As execuções $1 e $2 não responderam ambas ao item “$3”.'],
  [/^No item matches this selection, so there is nothing to make a dataset of\.$/, 'Nenhum item combina com esta seleção, então não há do que fazer um conjunto de dados.'],
  [/^The items of these runs cannot become a dataset, because theirs cannot be read here: (.+)\.$/, 'Os itens destas execuções não podem virar um conjunto de dados, pois o delas não pode ser lido aqui: $1.'],
  [/^There is a dataset "(.*)" already; choose another name\.$/, 'Já há um conjunto de dados “$1”; escolha outro nome.'],
  [/^The dataset was not made: (.+)\.$/, 'O conjunto de dados não foi criado: $1.'],
  [/^(.+) runs are too many to compare at once; name at most (.+)\.$/, '$1 execuções são demais para comparar de uma vez; escolha no máximo $2.'],
  [/^These runs are of several datasets \((.+)\); their items cannot become one dataset\.$/, 'Estas execuções são de vários conjuntos de dados ($1); seus itens não podem virar um só.'],
  [/^These runs are of two datasets, (.+) and (.+): their answers are to other questions\.$/, 'Estas execuções são de dois conjuntos de dados, $1 e $2: respondem a outras perguntas.'],
  [/^The run (.+) is not among the compared runs\.$/, 'A execução $1 não está entre as comparadas.'],
  [/^the baseline (.+) is not among the compared runs$/, 'a referência $1 não está entre as execuções comparadas'],
  [/^there is no metric (.+) in these runs; they have (.+)$/, 'não há a métrica $1 nestas execuções; elas têm $2'],
  [/^No run on the dataset "(.*)" has finished\. Datasets with finished runs: (.+)\.$/, 'Nenhuma execução no conjunto de dados “$1” terminou. Conjuntos com execuções terminadas: $2.'],
  [/^No finished run on "(.*)" has the metric "(.*)"; there are (.+)\.$/, 'Nenhuma execução terminada em “$1” tem a métrica “$2”; há $3.'],
  [/^There is nothing to share: no finished runs on "(.*)" stand on the same items of this version\.$/, 'Não há o que compartilhar: nenhuma execução terminada em “$1” está nos mesmos itens desta versão.'],
  [/^There is no such shared view: it was revoked, or the link is incomplete\.$/, 'Esta visão compartilhada não existe: foi revogada, ou o link está incompleto.'],
  [/^A run cannot be held against itself; name two runs\.$/, 'Uma execução não pode ser comparada consigo mesma; escolha duas.'],
  [/^(.+) questions to models are under way; ask again in a moment\.$/, '$1 perguntas a modelos estão em andamento; tente de novo daqui a pouco.'],
  [/^The model "(.*)" gave no answer within (.+) s, or there was no memory for it\. Try a smaller one or a shorter text\.$/, 'O modelo “$1” não respondeu em $2 s, ou não havia memória para ele. Tente um menor ou um texto mais curto.'],
  [/^Asking "(.*)" failed: (.*)$/, 'A pergunta a “$1” falhou: $2'],
  [/^An experiment comes as JSON .+, not as "(.*)"\.$/, 'Um experimento vem como JSON (Content-Type: application/json) ou como seu arquivo YAML (application/yaml), não como “$1”.'],
  [/^The experiment file is empty\.$/, 'O arquivo do experimento está vazio.'],
  [/^Experiment (.+) has no run with answers to score: (.+)\.$/, 'O experimento $1 não tem execução com respostas a pontuar: $2.'],
  [/^Run (.+) cannot be rescored: (.+)\.$/, 'A execução $1 não pode ser pontuada de novo: $2.'],
  [/^Run (.+) answered dataset "(.*)" with sha256 (.+), and its files now have (.+): put the former files back to score its answers anew\.$/, 'A execução $1 respondeu ao conjunto de dados “$2” com sha256 $3, e os arquivos agora têm $4: reponha os arquivos de antes para pontuar as respostas de novo.'],
  [/^The page before is named by `before` only newest first; with sort=(.+) use offset\.$/, 'A página anterior só é indicada por `before` na ordem dos mais novos; com sort=$1 use offset.'],
  [/^Something failed inside the server\. Its log tells what, under this request id\.$/, 'Algo falhou dentro do servidor. O log dele diz o quê, sob o número desta requisição.'],
  [/^The body of (.+) is larger than this path takes\. Send it in smaller pieces\.$/, 'O corpo de $1 é maior do que este caminho aceita. Envie em partes menores.'],
  [/^This server asks for its token: .+$/, 'Este servidor pede o seu token: envie “Authorization: Bearer …”, ou abra /?token=… uma vez no navegador.'],
  [/^The request names the host "(.*)"; without a token this server answers only to localhost and 127\.0\.0\.1\.$/, 'O pedido se dirige a “$1”; sem token este servidor só responde a localhost e 127.0.0.1.'],
  [/^The request comes from a page of "(.*)"; only this server's own pages may change anything\.$/, 'O pedido vem de uma página de “$1”; só as páginas deste servidor podem mudar algo.'],
  [/^Nothing was imported: (.+)$/s, 'Nada foi importado: $1'],
  [/^The view was not stored\.$/, 'A visão não foi guardada.'],
  [/^The disk is full: .+$/, 'O disco está cheio: nada foi gravado, e o que já estava guardado está inteiro. Libere espaço e tente de novo.'],
  [/^The disk is nearly full: (.+) MiB are free where (.+) is, and (.+) MiB must stay free\..+$/, 'O disco está quase cheio: há $1 MiB livres onde fica $2, e $3 MiB devem ficar livres. Nada foi gravado, e o que já estava guardado está inteiro. Libere espaço e o trabalho continua.'],
  [/^The database does not answer\. .+$/, 'O banco de dados não responde. Veja se o PostgreSQL está rodando e se DATABASE_URL está certa; depois tente de novo.'],
]

/** Queries of the list of experiments. */
const SEARCH: readonly Rule[] = [
  [/^at most (\d+) parts are read, and there are (\d+)$/, 'são lidas no máximo $1 partes, e há $2'],
  [/^(.+) has no value after it$/, '$1 não tem valor depois'],
  [/^is: takes (.+), not "(.*)"$/, 'is: aceita $1, não “$2”'],
  [/^(\w+) is a text: it takes :, = or !=$/, '$1 é um texto: aceita :, = ou !='],
  [/^there is no (\w+) "(.*)"; there are (.+)$/, 'não há $1 “$2”; há $3'],
  [/^there is no (\w+) "(.*)"; did you mean (.+)\?$/, 'não há $1 “$2”; você quis dizer $3?'],
  [/^runs takes a whole number, not "(.*)"$/, 'runs aceita um número inteiro, não “$1”'],
  [/^created takes a day such as 2026-01-31, not "(.*)"$/, 'created aceita um dia como 2026-01-31, não “$1”'],
  [/^(.+) takes a number, not "(.*)"$/, '$1 aceita um número, não “$2”'],
  [/^there is no field or parameter "(.*)", and a metric takes a number, not "(.*)"; to look for the text itself, put it in quotes$/, 'não há o campo ou parâmetro “$1”, e uma métrica aceita um número, não “$2”; para procurar o próprio texto, ponha-o entre aspas'],
]

/** What zod says of a value of a request. */
const SCHEMA: readonly Rule[] = [
  [/^Invalid input: expected (.+), received undefined$/, 'está faltando: é preciso um valor do tipo $1'],
  [/^Invalid input: expected (.+), received (.+)$/, 'é preciso um valor do tipo $1, e veio $2'],
  [/^Invalid option: expected one of (.+)$/, 'deve ser um destes: $1'],
  [/^Too small: expected (?:string|array) to have >=(\d+) (?:characters?|items?)$/, 'é curto demais: pelo menos $1'],
  [/^Too big: expected (?:string|array) to have <=(\d+) (?:characters?|items?)$/, 'é longo demais: no máximo $1'],
  [/^Too small: expected \w+ to be (>=?)(\S+)$/, 'é pequeno demais: deve ser $1 $2'],
  [/^Too big: expected \w+ to be (<=?)(\S+)$/, 'é grande demais: deve ser $1 $2'],
  [/^Unrecognized keys?: (.+)$/, 'chave desconhecida: $1'],
  [/^Invalid string: must match pattern (.+)$/, 'não combina com o padrão $1'],
  [/^Invalid URL$/, 'não é um endereço válido'],
  [/^use lower-case letters, digits and hyphens$/, 'use letras minúsculas, dígitos e hifens'],
  [/^is taken$/, 'já existe'],
]

/** What stands before the first of several problems. */
const OPENINGS: readonly (readonly [RegExp, string])[] = [
  [/^The search is not understood: (.+)\.$/s, 'A busca não foi entendida'],
  [/^The experiment does not fit its dataset: (.+)$/s, 'O experimento não combina com o conjunto de dados'],
  [/^The experiment fits no worker: (.+)$/s, 'O experimento não cabe em nenhum worker'],
]

/** What the server says of a request, or of one of its values; null where the sentence is not known. */
export function refusalInPortuguese(message: string): string | null {
  for (const [pattern, opening] of OPENINGS) {
    const [, rest] = pattern.exec(message) ?? []
    if (rest !== undefined) return `${opening}: ${refusalInPortuguese(rest) ?? rest}`
  }
  const known = inPortuguese(message, ANSWERS) ?? fileRefusalInPortuguese(message) ?? inPortuguese(message, [...SEARCH, ...SCHEMA])
  return known?.replaceAll(/\{(\w+)\}/g, (whole, state: string) => STATES[state] ?? whole) ?? null
}
