/* What the dashboard promises, in Chromium: 24 charts of 10 runs of 100,000 steps, 5,000 runs, 100,000 compared items, nothing that jumps. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { firstPageKb, openCurves, scrollComparison, scrollSweep, shiftWhileLive, violationsOf } from './dashboard/acts.js'
import { openBrowser } from './dashboard/browser.js'
import { fill, STEPS } from './dashboard/fill.js'
import type { Bench, BenchContext, BenchReport } from './frame/bench.js'
import { rootFolder } from './frame/contestant.js'
import { spreadOf } from './frame/samples.js'

const ROUNDS = 5

export const bench: Bench = {
  about: 'the dashboard in Chromium: 24 charts × 10 runs × 100,000 steps; five minutes, most of it filling the database, --quick a tenth of the steps',
  run: async (context) => {
    const home = await mkdtemp(join(tmpdir(), 'bancada-bench-'))
    try {
      const startedMs = performance.now()
      await fill(home, context.isQuick ? STEPS / 10 : STEPS)
      context.say(`filled the database in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`)
      return await withServer(home, (url) => measure(url, context))
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  },
}

async function withServer(home: string, work: (url: string) => Promise<BenchReport>): Promise<BenchReport> {
  const server = spawn(process.execPath, ['--max-semi-space-size=4', join(rootFolder, 'dist/server/main.js'), '--port', '0', '--no-worker', '--no-examples'], { cwd: rootFolder, env: { ...process.env, BANCADA_HOME: home }, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(server, 'close')
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      const url = /ready at (http:\/\/[\w.:]+)/.exec(line)?.[1]
      if (url !== undefined) return await work(url)
    }
    throw new Error('the server ended before it was ready; its own message is above')
  } finally {
    server.kill('SIGTERM')
    await ended
  }
}

async function measure(url: string, { say, isQuick }: BenchContext): Promise<BenchReport> {
  const browser = await openBrowser()
  try {
    const { context } = browser
    const firstPageJsKb = await firstPageKb(context, url)
    const opened = []
    for (let round = 0; round < (isQuick ? 2 : ROUNDS); round++) opened.push(await openCurves(context, url))
    const [first] = opened
    const sweep = await scrollSweep(context, url)
    const comparison = await scrollComparison(context, url)
    const layoutShift = await shiftWhileLive(context, url)
    const violations = await violationsOf(context, url)
    for (const violation of violations) say(violation)
    const paint = spreadOf(opened.map(({ drawnMs }) => drawnMs))
    const zooms = opened.flatMap((round) => round.zooms)
    const zoom = spreadOf(zooms.map(({ longest }) => longest))
    const zoomWork = spreadOf(zooms.map(({ longestWork }) => longestWork))
    const hover = spreadOf(opened.map(({ hover: frames }) => frames.longest))
    const rows: [string, string, string][] = [
      ['24 charts × 10 runs × 100,000 steps drawn, first time after the start', `${(first?.drawnMs ?? NaN).toFixed(0)} ms`, '1,500 ms'],
      [`… median of ${opened.length}`, `${paint.median.toFixed(0)} ms`, '1,500 ms'],
      ['… first contentful paint', `${(first?.firstContentfulMs ?? NaN).toFixed(0)} ms`, ''],
      ['… over the wire, everything', `${(first?.wireMb ?? NaN).toFixed(2)} MB`, '2 MB'],
      [`longest frame while zooming all 24, median of ${zooms.length} zooms and the worst`, `${zoom.median.toFixed(0)} ms, ${zoom.maximum.toFixed(0)} ms`, '50 ms'],
      ['… longest work of the main thread in a frame, median and worst', `${zoomWork.median.toFixed(0)} ms, ${zoomWork.maximum.toFixed(0)} ms`, '50 ms'],
      ['longest frame while hovering', `${hover.median.toFixed(0)} ms`, '50 ms'],
      ['scrolling 5,000 runs', `${sweep.perSecond.toFixed(0)} frames/s, 95 % below ${sweep.p95.toFixed(0)} ms`, '60 frames/s'],
      ['scrolling a comparison of 100,000 items', `${comparison.perSecond.toFixed(0)} frames/s, 95 % below ${comparison.p95.toFixed(0)} ms`, '60 frames/s'],
      ['JavaScript of the first page, gzip', `${firstPageJsKb.toFixed(0)} KB`, '150 KB'],
      ['layout shift of a live run', layoutShift.toFixed(4), '0'],
      ['axe violations', String(violations.length), '0'],
    ]
    say(['', '| what | measured | aim |', '|---|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n'))
    return {
      figures: {
        firstPaintMs: paint.median, firstPaintColdMs: first?.drawnMs ?? NaN, zoomFrameMs: zoom.median, zoomFrameWorstMs: zoom.maximum, zoomWorkMs: zoomWork.median, hoverFrameMs: hover.median, wireMb: first?.wireMb ?? NaN, firstPageJsKb,
        sweepScrollFps: sweep.perSecond, compareScrollFps: comparison.perSecond, layoutShift, axeViolations: violations.length,
      },
      spreads: { firstPaintMs: paint, zoomFrameMs: zoom, zoomWorkMs: zoomWork, hoverFrameMs: hover },
    }
  } finally {
    await browser.close()
  }
}
