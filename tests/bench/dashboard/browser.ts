/// <reference lib="dom" />
/* Chromium without a window, and what a page in it does: frames, bytes over the wire, shifts of the layout. */
import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page, Request } from 'playwright-core'
import { launchChromium } from '../../support/chromium.js'

/** @throws where no Chromium is installed */
export async function openBrowser(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const browser = await launchChromium()
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  return { context, close: () => browser.close() }
}

/** Bytes as they came over the wire since the call, headers included. */
export async function countBytes(page: Page): Promise<() => number> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  let bytes = 0
  session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength))
  return () => bytes
}

/** Kilobytes of all scripts a page has loaded, each compressed by gzip, whether or not the server does so. */
export async function scriptKb(page: Page): Promise<number> {
  const urls = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => /\.js($|\?)/.test(name)))
  let bytes = 0
  for (const url of new Set(urls)) bytes += gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length
  return bytes / 1000
}

export interface Frames {
  /** Frames a second over the whole act. */
  perSecond: number
  /** Milliseconds of the longest frame and of the 95th percentile. */
  longest: number
  p95: number
  /** Milliseconds from the start of a frame until the page could hear the pointer again, of the frame where that took longest: what the main thread was busy with, whenever the frame was shown. */
  longestWork: number
}

/** How the page paints while something is done to it. */
export async function framesWhile(page: Page, act: () => Promise<void>): Promise<Frames> {
  await page.evaluate(() => {
    const record = { times: [] as number[], longestWork: 0, isOn: true }
    Object.assign(window, { frameRecord: record })
    const { port1, port2 } = new MessageChannel()
    // A message that is sent in a frame arrives when all of the frame is done: other callbacks, styles, layout and paint.
    port2.onmessage = ({ data: start }: MessageEvent<number>) => (record.longestWork = Math.max(record.longestWork, performance.now() - start))
    const tick = (time: number): void => {
      record.times.push(time)
      port1.postMessage(performance.now())
      if (record.isOn) requestAnimationFrame(tick)
    }
    requestAnimationFrame(tick)
  })
  await act()
  const { times, longestWork } = await page.evaluate(() => {
    const { frameRecord } = window as unknown as { frameRecord: { times: number[]; longestWork: number; isOn: boolean } }
    frameRecord.isOn = false
    return frameRecord
  })
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time)).sort((a, b) => a - b)
  if (gaps.length === 0) throw new Error('the page painted no frame')
  return { perSecond: (1000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0), longest: gaps.at(-1) ?? NaN, p95: gaps[Math.floor(gaps.length * 0.95)] ?? NaN, longestWork }
}

/** Does something that makes the page read from the server, and waits until it has read it all and had a second to draw it. */
export async function untilRead(page: Page, path: string, act: () => Promise<void>): Promise<void> {
  const open = new Set<Request>()
  const start = (request: Request): void => void (new URL(request.url()).pathname === path && open.add(request))
  const end = (request: Request): void => void open.delete(request)
  const first = page.waitForRequest((request) => new URL(request.url()).pathname === path)
  page.on('request', start).on('requestfinished', end).on('requestfailed', end)
  await Promise.all([first, act()])
  do await page.waitForTimeout(1000)
  while (open.size > 0)
  page.off('request', start).off('requestfinished', end).off('requestfailed', end)
}

/** The sum of layout shifts while something happens that the reader did not do (CLS without its windows, which is more strict). */
export async function shiftWhile(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const record = { shift: 0 }
    Object.assign(window, { shiftRecord: record })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) if (!entry.hadRecentInput) record.shift += entry.value
    }).observe({ type: 'layout-shift' })
  })
  await act()
  return page.evaluate(() => (window as unknown as { shiftRecord: { shift: number } }).shiftRecord.shift)
}
