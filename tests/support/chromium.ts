/* Chromium without a window, for browser tests and benches, and what axe finds on a page in it. */
import { existsSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, chromium, type Page } from 'playwright-core'

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const WCAG_22_AA = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

export function chromiumProgram(): string | null {
  return PROGRAMS.find((path) => existsSync(path)) ?? null
}

/** @throws where no Chromium is installed */
export async function launchChromium(): Promise<Browser> {
  const executablePath = chromiumProgram()
  if (executablePath === null) throw new Error('Chromium is required and absent; install it with: apt-get install chromium')
  return chromium.launch({ executablePath, args: ARGUMENTS })
}

/** The rule that is broken and the elements that break it, for each rule of WCAG 2.2 A and AA that a program can check. The page must be of a context of its own: axe opens another beside it. */
export async function violationsOn(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG_22_AA).analyze()
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)
}

/** Errors that scripts of the page throw or write, from now on. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  return faults
}
