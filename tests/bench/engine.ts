/* The training engine beside PyTorch on the same processor, and beside the processor's own limits. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { LLAMA_CPP_PACKAGE } from '../../workers/engine/llama-cpp.js'
import { findOptionalPackage, installCommand } from '../../workers/engine/optional-package.js'
import type { Bench, BenchContext, BenchReport } from './frame/bench.js'
import { Contestant } from './frame/contestant.js'
import { ratios, spreadOf } from './frame/samples.js'
import { short, spreadText, table } from './frame/table.js'
import { compareDecode } from './engine/decoding.js'
import { compareEpoch, EPOCH_DATA } from './engine/epoch.js'
import { compareStep } from './engine/lora-step.js'
import { shapeFolder, shapeNamed, shapes } from './engine/shapes.js'
import { compareSweep } from './engine/sweep.js'
import { asItComes, candidateSettings, probeTorch, type TorchProbe, type TorchSetting } from './engine/torch-settings.js'
import { askSteps, loraOptions, openOurs, randomExamples } from './engine/training.js'

export const bench: Bench = {
  about: 'LoRA steps, epochs, sweeps and decoding beside PyTorch and the processor\'s limits; 25 minutes, --quick 10',
  parts: ['steps', 'epoch', 'sweep', 'decode', 'firstStep'],
  run: async (context) => {
    const report: Required<BenchReport> = { figures: {}, spreads: {} }
    if (context.includes('steps') || context.includes('epoch')) await besidePyTorch(context, report)
    if (context.includes('sweep')) await sweep(context, report)
    if (context.includes('decode')) await decode(context, report)
    if (context.includes('firstStep') && !context.isQuick) await firstStep(context, report)
    return report
  },
}

async function besidePyTorch(context: BenchContext, report: Required<BenchReport>): Promise<void> {
  const { tuned, peakGflops } = await chooseSettings(context)
  if (context.includes('steps')) await steps(context, report, { tuned, peakGflops })
  if (context.includes('epoch')) await epoch(context, report, tuned)
}

/** Tries every BLAS on the spot; nobody's hearsay decides which PyTorch is the fast one. */
async function chooseSettings({ say, machine }: BenchContext): Promise<{ tuned: TorchSetting; peakGflops: number }> {
  const probes: { setting: TorchSetting; probe: TorchProbe }[] = []
  for (const setting of [asItComes, ...candidateSettings()]) probes.push({ setting, probe: await probeTorch(setting) })
  await using ours = Contestant.node(new URL('./engine/ours.js', import.meta.url))
  const { gflops } = await ours.ask<{ gflops: number }>({ do: 'probe', threads: availableParallelism() })
  say(`\n${table(['one matrix product', 'BLAS loaded', 'GFLOP/s'], [...probes.map(({ setting, probe }) => [`PyTorch ${setting.name}`, probe.blas, short(probe.gflops)]), ['ONNX Runtime', 'MLAS', short(gflops)]])}`)
  const [best] = probes.toSorted((a, b) => b.probe.gflops - a.probe.gflops)
  if (best === undefined) throw new Error('there is no PyTorch to compare with; install python3-torch')
  Object.assign(machine, { torch: best.probe.torch, torchTuned: `${best.setting.name} (${best.probe.blas})`, torchAsItComes: probes[0]?.probe.blas ?? '' })
  say(`tuned: ${best.setting.name}`)
  return { tuned: best.setting, peakGflops: Math.max(gflops, best.probe.gflops) }
}

async function steps({ say, isQuick }: BenchContext, { figures, spreads }: Required<BenchReport>, { tuned, peakGflops }: { tuned: TorchSetting; peakGflops: number }): Promise<void> {
  const rows: string[][] = []
  const worst = { plain: Infinity, tuned: Infinity }
  for (const shape of shapes.filter(({ name }) => !isQuick || name !== 'llama1B')) {
    const { times, peakBytes, lossDifference, flops } = await compareStep(shape, tuned)
    const [againstPlain, againstTuned] = [spreadOf(ratios(times.plain, times.oursBesidePlain)), spreadOf(ratios(times.tuned, times.ours))]
    Object.assign(spreads, { [`loraStepVsTorch.${shape.name}`]: againstPlain, [`loraStepVsTunedTorch.${shape.name}`]: againstTuned, [`stepMs.${shape.name}`]: spreadOf(times.ours), [`tunedStepMs.${shape.name}`]: spreadOf(times.tuned) })
    const memory = { ours: peakBytes.ours / peakBytes.torch, low: peakBytes.lowMemory / peakBytes.torch }
    Object.assign(figures, { [`loraStepVsTorch.${shape.name}`]: againstPlain.median, [`loraStepVsTunedTorch.${shape.name}`]: againstTuned.median, [`peakMemoryVsTorch.${shape.name}`]: memory.low, peakMemoryVsTorch: memory.low })
    worst.plain = Math.min(worst.plain, againstPlain.median)
    worst.tuned = Math.min(worst.tuned, againstTuned.median)
    figures.gflopsVsPeak = flops / spreadOf(times.ours).median / 1e6 / peakGflops
    rows.push([shape.name, spreadText(spreadOf(times.ours)), spreadText(spreadOf(times.tuned)), spreadText(spreadOf(times.plain)), spreadText(againstTuned), short(figures.gflopsVsPeak), `${mib(peakBytes.ours)} / ${mib(peakBytes.lowMemory)} / ${mib(peakBytes.torch)}`, lossDifference.toExponential(0)])
    say(`${shape.name}: ${rows.at(-1)?.slice(1).join(' | ')}`)
  }
  Object.assign(figures, { loraStepVsTorch: worst.plain, loraStepVsTunedTorch: worst.tuned })
  say(`\n${table(['LoRA step', 'ours ms', 'tuned torch ms', 'torch as it comes ms', 'tuned ÷ ours', 'of peak GFLOP/s', 'MiB ours / low memory / torch', 'loss differs'], rows)}\n(the overall figures are those of the worst size; memory and share of the peak those of the largest)`)
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}

async function epoch({ say, isQuick }: BenchContext, { figures, spreads }: Required<BenchReport>, tuned: TorchSetting): Promise<void> {
  if (!existsSync(EPOCH_DATA)) return say(`\nthe epoch is left out: ${EPOCH_DATA} is not there`)
  const { times, examples, tokens, losses } = await compareEpoch(tuned, { count: isQuick ? 64 : 160, rounds: isQuick ? 1 : 2 })
  const ratio = spreadOf(ratios(times.tuned, times.ours))
  Object.assign(spreads, { epochVsTunedTorch: ratio, epochMs: spreadOf(times.ours), tunedEpochMs: spreadOf(times.tuned) })
  figures.epochVsTunedTorch = ratio.median
  say(`\n${table([`epoch of ${examples} problems, ${tokens} tokens`, 'ms', 'mean loss'], [['ours, packed', spreadText(spreadOf(times.ours)), losses.ours.toFixed(5)], ['tuned torch, padded', spreadText(spreadOf(times.tuned)), losses.tuned.toFixed(5)], ['torch ÷ ours', spreadText(ratio), '']])}`)
}

async function sweep({ say, isQuick }: BenchContext, { figures, spreads }: Required<BenchReport>): Promise<void> {
  const { oneByOne, sideBySide } = await compareSweep(isQuick ? 3 : 6)
  const gain = spreadOf(ratios(oneByOne, sideBySide))
  Object.assign(spreads, { parallelSweepGain: gain })
  figures.parallelSweepGain = gain.median
  say(`\n${table(['sweep of four ranks', 'ms'], [['one after the other', spreadText(spreadOf(oneByOne))], ['side by side, a thread each', spreadText(spreadOf(sideBySide))], ['gain', spreadText(gain)]])}`)
}

async function decode({ say, machine, isQuick }: BenchContext, { figures, spreads }: Required<BenchReport>): Promise<void> {
  const rows: string[][] = []
  const peer = findOptionalPackage(LLAMA_CPP_PACKAGE.name)
  if (peer === null) say(`\nllama.cpp is left out: ${LLAMA_CPP_PACKAGE.name} is not installed; install it with: ${installCommand(LLAMA_CPP_PACKAGE)}`)
  else machine.nodeLlamaCpp = peer.version
  for (const name of isQuick ? ['smollm135M'] : ['smollm135M', 'llama1B']) {
    const { ours, llamaCpp, bound, bandwidth } = await compareDecode(shapeNamed(name), { rounds: isQuick ? 3 : 5, tokens: name === 'llama1B' ? 24 : 48 })
    const share = spreadOf(ratios(ours, bound))
    Object.assign(spreads, { [`decodeVsBandwidth.${name}`]: share, [`decodeTokensPerSecond.${name}`]: spreadOf(ours) })
    Object.assign(figures, { [`decodeVsBandwidth.${name}`]: share.median, decodeVsBandwidth: share.median })
    const row = [name, spreadText(spreadOf(ours)), (spreadOf(bandwidth).median / 1e9).toFixed(1), spreadText(share)]
    rows.push([...row, ...(llamaCpp === null ? ['not installed', ''] : besideLlamaCpp(name, { ours, llamaCpp }, { figures, spreads }))])
  }
  say(`\n${table(['decoding, float32', 'tokens/s', 'memory GB/s', 'share of the bound', 'llama.cpp tokens/s', 'ours ÷ llama.cpp'], rows)}`)
}

/** The figure for all sizes is that of the worst. */
function besideLlamaCpp(name: string, { ours, llamaCpp }: { ours: number[]; llamaCpp: number[] }, { figures, spreads }: Required<BenchReport>): string[] {
  const ratio = spreadOf(ratios(ours, llamaCpp))
  Object.assign(spreads, { [`decodeVsLlamaCpp.${name}`]: ratio, [`llamaCppTokensPerSecond.${name}`]: spreadOf(llamaCpp) })
  Object.assign(figures, { [`decodeVsLlamaCpp.${name}`]: ratio.median, decodeVsLlamaCpp: Math.min(figures.decodeVsLlamaCpp ?? Infinity, ratio.median) })
  return [spreadText(spreadOf(llamaCpp)), spreadText(ratio)]
}

/** From nothing to the end of the first step: a process, 5 GB of weights mapped, the graph compiled, one step. */
async function firstStep({ say }: BenchContext, { figures }: Required<BenchReport>): Promise<void> {
  const shape = shapeNamed('llama1B')
  const folder = shapeFolder(shape)
  const startedMs = performance.now()
  await using ours = await openOurs({ options: loraOptions(folder, { rank: shape.rank, maxLength: shape.tokens }), examples: randomExamples({ rows: shape.rows, tokens: shape.tokens, vocabSize: shape.config.vocabSize }), peerBatches: [] })
  const openedMs = performance.now()
  await askSteps(ours, 1)
  figures.firstStepSeconds = (performance.now() - startedMs) / 1000
  say(`\n${shape.name}: opened in ${((openedMs - startedMs) / 1000).toFixed(1)} s, first step done after ${figures.firstStepSeconds.toFixed(1)} s`)
}
