/*
 * Words as the Penn Treebank has them (Marcus, Santorini and Marcinkiewicz 1993, J93-2004; the rules of its tokenizer
 * script): punctuation stands alone, and contractions are parted. For English; other languages fall apart at spaces
 * and punctuation alone.
 */

const CONTRACTIONS: readonly RegExp[] = [/\b(can)(not)\b/gi, /\b(d)('ye)\b/gi, /\b(gim)(me)\b/gi, /\b(gon)(na)\b/gi, /\b(got)(ta)\b/gi, /\b(lem)(me)\b/gi, /\b(more)('n)\b/gi, /\b(wan)(na)(?= )/gi, /(?<= )('t)(is|was)\b/gi]

export function treebankTokens(text: string): string[] {
  let line = ` ${text.trim().replace(/\s+/g, ' ')} `
  // A quotation mark opens after a space or bracket, and closes elsewhere.
  line = line.replace(/(?<=[ ([{<])"/g, ' `` ').replace(/"/g, " '' ")
  line = line
    .replace(/\.\.\./g, ' ... ')
    .replace(/[,:](?!\d)/g, ' $& ')
    .replace(/[;@#$%&?!]/g, ' $& ')
    // The full stop at the end of the text, not those of abbreviations such as U.S.
    .replace(/([^. ])(?<!\b[A-Za-z]\.[A-Za-z])\.([\])}>'" ]*) $/, '$1 . $2 ')
    .replace(/[\][(){}<>]/g, ' $& ')
    .replace(/--/g, ' -- ')
    .replace(/([^' ])' /g, "$1 ' ")
    .replace(/'([sm]|d|ll|re|ve) /gi, " '$1 ")
    .replace(/n't /gi, ' $&')
  for (const contraction of CONTRACTIONS) line = line.replace(contraction, ' $1 $2 ')
  return line.split(' ').filter((token) => token !== '')
}
