import { Template } from '@huggingface/jinja'
import { expect, test } from 'vitest'
import { RunFailure } from './run-context.js'
import { PromptTemplate } from './template.js'

const item = { id: 'mail-7', input: 'Win a prize', choices: ['ham', 'spam'] }

test('renders the fields of an item', () => {
  expect(new PromptTemplate('{{ input }}\nLabel:', 'template').render(item)).toBe('Win a prize\nLabel:')
})

test('names the field and the item when a field is missing', () => {
  const template = new PromptTemplate('{{ subject }}: {{ input }}', 'template')
  expect(() => template.render(item)).toThrow(new RunFailure('template_variable', 'template uses "subject", which item "mail-7" does not have; its fields are id, input, choices'))
})

test.each([
  ['{% for choice in choices %}{{ loop.index }}{{ choice }}{% endfor %}', '1ham2spam'],
  ['{% set greeting = "Hi" %}{{ greeting }} {{ input | upper }}', 'Hi WIN A PRIZE'],
  ['{{ context | default("none given") }}', 'none given'],
  ['{% if context is defined %}{{ context }}{% else %}no context{% endif %}', 'no context'],
  ['{% macro mark(text) %}<{{ text }}>{% endmacro %}{{ mark(input) }}', '<Win a prize>'],
  ['{{ choices[0] }}', 'ham'],
  ['{{ choices | join(separator) if false else input }}', null],
])('knows what %s needs', (source, expected) => {
  const template = new PromptTemplate(source, 'template')
  if (expected === null) expect(() => template.render(item)).toThrow('"separator"')
  else expect(template.render(item)).toBe(expected)
})

test.each(['Q: {{ input }}\nA:', '{{ input }}{{ id }}', 'no field', '{{ "a" }} {{ input }}', '{{ choices }}', '{{ count }} of {{ input }}', '{{ steps }}'])('puts fields into %s as Jinja does', (source) => {
  const values = { ...item, input: 'a <b> {{ c }} \\ "é"', count: 3 }
  expect(new PromptTemplate(source, 'template').render(values, { steps: 'given' })).toBe(new Template(source).render({ ...values, steps: 'given' }))
})

test('says what a broken template is', () => {
  expect(() => new PromptTemplate('{{ input', 'completion')).toThrow(/^completion is not a valid Jinja template/)
})
