/** Charts as files, made in the browser: a PNG with the finding above it, and drawings as they are or as a PNG. */
import { themeColor } from './palette.js'

export interface Picture {
  name: string
  title: string
  /** Sentences; long ones are broken to the width. */
  lines: readonly string[]
}

const MARGIN = 24
const LINE = 20
/** Twice the size on screen, so that it stays sharp on slides. */
const SCALE = 2
const NAMESPACE = 'http://www.w3.org/2000/svg'
const SVG_TYPE = 'image/svg+xml'

export function wrapWords(text: string, width: number, measure: (text: string) => number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && measure(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return line === '' ? lines : [...lines, line]
}

/** An image knows no stylesheet: colours are written out as the theme on show defines them. */
function standalone(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement
  copy.setAttribute('xmlns', NAMESPACE)
  return new XMLSerializer().serializeToString(copy).replaceAll(/var\((--[\w-]+)\)/g, (_, name: string) => themeColor(name))
}

async function imageOf(svg: string): Promise<HTMLImageElement> {
  const image = new Image()
  const address = URL.createObjectURL(new Blob([svg], { type: SVG_TYPE }))
  try {
    image.src = address
    await image.decode()
    return image
  } finally {
    URL.revokeObjectURL(address)
  }
}

/** Draws title, sentences and chart on one canvas and hands it to the reader as a file. */
export async function savePicture(svg: SVGSVGElement, { name, title, lines }: Picture): Promise<void> {
  const [width, height] = [Math.max(640, svg.clientWidth), svg.clientHeight]
  const image = await imageOf(standalone(svg))
  const { canvas, context } = sheet()
  context.font = '14px system-ui, sans-serif'
  const text = lines.flatMap((line) => wrapWords(line, width, (part) => context.measureText(part).width))
  canvas.width = SCALE * (width + 2 * MARGIN)
  canvas.height = SCALE * (height + 3 * MARGIN + LINE * (text.length + 1))
  context.scale(SCALE, SCALE)
  context.fillStyle = themeColor('--surface')
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.fillStyle = themeColor('--text')
  context.textBaseline = 'top'
  context.font = '650 18px system-ui, sans-serif'
  context.fillText(title, MARGIN, MARGIN)
  context.font = '14px system-ui, sans-serif'
  for (const [index, line] of text.entries()) context.fillText(line, MARGIN, MARGIN + LINE * (index + 1.4))
  context.drawImage(image, MARGIN, 2 * MARGIN + LINE * (text.length + 1))
  await saveCanvas(canvas, name)
}

/** Hands a drawing to the reader: as it is, or as a PNG of twice its size. */
export async function saveDrawing({ text, width, height }: { text: string; width: number; height: number }, name: string, type: 'svg' | 'png'): Promise<void> {
  if (type === 'svg') return saveFile(new Blob([text], { type: SVG_TYPE }), `${name}.svg`)
  const image = await imageOf(text)
  const { canvas, context } = sheet()
  Object.assign(canvas, { width: SCALE * width, height: SCALE * height })
  context.drawImage(image, 0, 0, canvas.width, canvas.height)
  await saveCanvas(canvas, name)
}

function sheet(): { canvas: HTMLCanvasElement; context: CanvasRenderingContext2D } {
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('The browser draws no picture here.')
  return { canvas, context }
}

/** For placing texts before they are drawn: their widths at 12 pixels. */
export function textMeasure(): (text: string) => number {
  const { context } = sheet()
  context.font = '12px system-ui, sans-serif'
  return (text) => context.measureText(text).width
}

async function saveCanvas(canvas: HTMLCanvasElement, name: string): Promise<void> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  if (blob === null) throw new Error('The browser could not write the picture.')
  saveFile(blob, `${name}.png`)
}

export function saveFile(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
