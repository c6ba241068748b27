import type { RunStatus } from '../../../server/contracts/run.js'
import { say } from '../i18n.js'

export type StatusName = RunStatus | 'online' | 'away' | 'paused'

const ICONS: Record<StatusName, string> = { queued: '○', running: '◔', waiting: '◑', succeeded: '✓', failed: '✕', cancelled: '⊘', stopped: '◼', online: '●', away: '○', paused: '‖' }

export const statusIcon = (status: StatusName): string => ICONS[status]

export function statusWord(status: StatusName): string {
  switch (status) {
    case 'queued':
      return say('Queued', 'Na fila')
    case 'running':
      return say('Running', 'Em execução')
    case 'waiting':
      return say('Waiting', 'Aguardando')
    case 'succeeded':
      return say('Succeeded', 'Concluído')
    case 'failed':
      return say('Failed', 'Falhou')
    case 'cancelled':
      return say('Cancelled', 'Cancelado')
    case 'stopped':
      return say('Stopped early', 'Parado antes')
    case 'online':
      return say('Online', 'Conectado')
    case 'away':
      return say('Away', 'Ausente')
    case 'paused':
      return say('Paused', 'Pausada')
  }
}
