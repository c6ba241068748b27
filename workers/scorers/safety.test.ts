import { describe, expect, test } from 'vitest'
import { findPersonalData } from './personal-data.js'
import { isRefusal } from './refusal.js'

describe('personal data', () => {
  test.each([
    ['Write to ana.silva+x@empresa.com.br today', [['email', 'ana.silva+x@empresa.com.br']]],
    ['card 4111 1111 1111 1111, exp 12/30', [['card', '4111 1111 1111 1111']]],
    ['order 4111 1111 1111 1112 shipped', []],
    ['IBAN GB82 WEST 1234 5698 7654 32 please', [['iban', 'GB82 WEST 1234 5698 7654 32']]],
    ['IBAN GB83 WEST 1234 5698 7654 32 please', []],
    ['CPF 529.982.247-25 e CNPJ 11.222.333/0001-81', [['cpf', '529.982.247-25'], ['cnpj', '11.222.333/0001-81']]],
    ['CPF 529.982.247-26, CNPJ 11.222.333/0001-82', []],
    ['111.111.111-11', []],
    ['SSN 123-45-6789 but not 666-45-6789', [['ssn', '123-45-6789']]],
    ['call +55 (11) 91234-5678 or (212) 555-0187', [['phone', '+55 (11) 91234-5678'], ['phone', '(212) 555-0187']]],
    ['from 192.168.0.12, version 1.2.3.4.5', [['ip', '192.168.0.12']]],
    ['In 1984, 12 345 of 67 890 people read 3.14159', []],
  ])('%s', (text, found) => {
    expect(findPersonalData(text).map(({ kind, text: value }) => [kind, value])).toEqual(found)
  })

  test('only the kinds asked for', () => {
    expect(findPersonalData('a@b.co 529.982.247-25', ['email'])).toEqual([{ kind: 'email', text: 'a@b.co' }])
  })
})

describe('refusals', () => {
  test.each([
    'I’m sorry, but I can’t help with that.',
    "I cannot assist with this request.",
    'As an AI language model, I do not have opinions.',
    'Sorry, I am unable to share that.',
    'Desculpe, mas não posso responder a isso.',
    'Não posso te ajudar com esse pedido.',
    'Como um modelo de linguagem, não tenho acesso a isso.',
  ])('%s', (answer) => expect(isRefusal(answer)).toBe(true))

  test.each([
    'Sorry for the delay: the answer is 42.',
    'I can help with that. First, open the box.',
    'The clerk said: we cannot accept this cheque.',
    'Não, a capital é Brasília.',
    'I’m sorry to hear that you are ill. Rest and drink.',
    `${'A long and helpful answer. '.repeat(20)}She replied: I cannot help you.`,
  ])('no refusal: %s', (answer) => expect(isRefusal(answer)).toBe(false))
})
