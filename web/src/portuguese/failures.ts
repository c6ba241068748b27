/* Why a run failed, in Portuguese: the failures that a reader meets most often. What is rarer stays in the worker's words. */
import { fileRefusalInPortuguese } from './file-refusals.js'
import { inPortuguese, type Rule } from './rules.js'

const FAILURES: readonly Rule[] = [
  [/^step (\d+): loss is (\S+) and gradient norm (\S+) at learning rate (\S+); the weights of step (\d+) are kept\. Lower the learning rate or set maxGradNorm\.(.*)$/s, 'passo $1: a perda é $2 e a norma do gradiente $3 com taxa de aprendizado $4; os pesos do passo $5 foram guardados. Diminua a taxa de aprendizado ou defina maxGradNorm.$6'],
  [/^no evaluation has a finite value, so there is no checkpoint to choose; lower learningRate$/, 'nenhuma avaliação tem valor finito, então não há checkpoint a escolher; diminua learningRate'],
  [/^model "(.*)" is not a folder with a config\.json under models\/ \((.*)\); put .+$/, 'o modelo “$1” não é uma pasta com config.json em models/ ($2); ponha ali a pasta de um modelo do Hugging Face, ou escreva run:ID para um modelo treinado'],
  [/^model "(.*)" is not a file under models\/ \((.*)\); put the GGUF file there$/, 'o modelo “$1” não é um arquivo em models/ ($2); ponha ali o arquivo GGUF'],
  [/^model "(.*)" is a GGUF file, .+$/, 'o modelo “$1” é um arquivo GGUF, que responde a prompts mas não pode ser treinado aqui; indique a pasta do Hugging Face da qual foi feito'],
  [/^model "run:(.*)" names a run that does not exist; .+$/, 'o modelo “run:$1” indica uma execução que não existe; copie o ID da página da execução'],
  [/^model "(.*)" is not a run; write run:ID or run:ID@STEP$/, 'o modelo “$1” não é uma execução; escreva run:ID ou run:ID@PASSO'],
  [/^model "(.*)" names a (\w+) run, which trains no model; name a lora or pretrain run$/, 'o modelo “$1” indica uma execução $2, que não treina modelo; indique uma execução lora ou pretrain'],
  [/^run (\S+) \((.*)\) has no checkpoint yet; wait for its first one, or name another run$/, 'a execução $1 ($2) ainda não tem checkpoint; espere o primeiro ou indique outra'],
  [/^apiKeyEnv names (\S+), and this worker has no such environment variable; .+$/, 'apiKeyEnv indica $1, e este worker não tem essa variável de ambiente; defina $1 onde o worker é iniciado, ou deixe apiKeyEnv em null se o endpoint não pede chave'],
  [/^none of (\d+) items was answered; the first error: (.*)$/s, 'nenhum dos $1 itens foi respondido; o primeiro erro: $2'],
  [/^(\d+) calls in a row were given up; the last one: (.*)\. What was answered is kept; retry the run when the endpoint is well$/s, '$1 chamadas seguidas falharam; a última: $2. O que foi respondido está guardado; retome a execução quando o endpoint estiver bem'],
  [/^the budget of (\S+) minutes was used up(.*); what was reported until then is kept\. Raise budget\.minutes or make the run smaller$/s, 'o orçamento de $1 minutos acabou$2; o que foi medido até ali está guardado. Aumente budget.minutes ou faça uma execução menor'],
  [/^the budget of (.+) was used up; what was answered until then is kept\. Raise (\S+) and retry the run to go on, or lower limit$/s, 'o orçamento de $1 acabou; o que foi respondido até ali está guardado. Aumente $2 e retome a execução para continuar, ou diminua limit'],
  [/^the budget names US dollars, and what this call cost is not known; .+$/, 'o orçamento é em dólares, e não se sabe quanto esta chamada custou; dê um preço ao modelo em prices.yaml ou no experimento (inputPerMillion, outputPerMillion), ou tire budget.usd'],
  [/^the process of the run died \((.+)\) in attempt (\d+)(.*)$/s, 'o processo da execução caiu ($1) na tentativa $2$3'],
  [/^the process of the run could not be started: (.+)$/s, 'o processo da execução não pôde ser iniciado: $1'],
  [/^(\S+) uses "(.*)", which item "(.*)" does not have; its fields are (.+)$/, '$1 usa “$2”, que o item “$3” não tem; seus campos são $4'],
  [/^shots is (\d+), and (.+) has only (\d+) items$/, 'shots é $1, e $2 tem apenas $3 itens'],
  [/^split "(.*)" of "(.*)" has no (?:items|questions)$/, 'a divisão “$1” de “$2” não tem itens'],
  [/^of (\d+) (\w+) items none has an answer within maxLength (\d+) tokens; .+$/, 'dos $1 itens de $2 nenhum tem resposta dentro de maxLength $3 tokens; aumente maxLength ou encurte o template'],
  [/^the training text has (\d+) tokens, less than one row of maxLength (\d+); .+$/, 'o texto de treino tem $1 tokens, menos que uma linha de maxLength $2; dê mais texto ou um maxLength menor'],
  [/^dataset "(.*)" has sha256 (\S+) on this worker, and the experiment was queued with (\S+): .+$/s, 'o conjunto de dados “$1” tem sha256 $2 neste worker, e o experimento entrou na fila com $3: os arquivos diferem. Copie para cá os mesmos arquivos, ou ponha o experimento de novo na fila'],
  [/^The worker died (\d+) times in a row on this run .+$/s, 'O worker caiu $1 vezes seguidas nesta execução sem guardar exemplo nem checkpoint; não foi tentada de novo. O log do worker diz mais; uma causa comum é falta de memória. Retome a execução quando estiver resolvido.'],
]

/** Null where the failure is not among them. */
export const failureInPortuguese = (message: string): string | null => inPortuguese(message, FAILURES) ?? fileRefusalInPortuguese(message)
