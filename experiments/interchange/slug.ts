/** A name of small letters and digits, for files, datasets and metrics: other characters become `joint`. Empty where none is left. */
export function slug(text: string, joint: string): string {
  return text.normalize('NFKD').toLowerCase().replaceAll(/[^a-z0-9]+/g, joint).replace(/^[-_]+|[-_]+$/g, '').slice(0, 60).replace(/[-_]+$/, '')
}
