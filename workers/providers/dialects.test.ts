/* Each protocol as its documentation writes it, over a real connection. */
import { expect, test } from 'vitest'
import { EndpointSchema } from '../../server/contracts/index.js'
import { answersJson, breaksOffAfter, DONE, endpointThat, event, fails, named, streams } from '../fixtures/model-endpoint.js'
import { CallFailed, PromptRefused, type ChatModel, type CompletionRequest } from './chat-model.js'
import { CallGate } from './gate.js'
import { openEndpoint } from './open-endpoint.js'

const request: CompletionRequest = {
  messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: '1+1?' }, { role: 'assistant', content: '2' }, { role: 'user', content: '2+2?' }],
  maxTokens: 8,
  temperature: 0.5,
  topK: 20,
  topP: 0.9,
  stop: ['\n'],
  seed: 7,
}

function open(endpoint: Record<string, unknown>, env: NodeJS.ProcessEnv = {}): Promise<ChatModel> {
  return openEndpoint(EndpointSchema.parse(endpoint), { env, concurrency: 1, timeoutMs: 2_000, mostTries: 2, firstPauseMs: 2, gateFor: () => new CallGate(8), recordingsFolder: '' })
}

test('Anthropic Messages: system apart, blocks joined, thinking left out, cached tokens counted in', async () => {
  const { baseUrl, bodies, requests } = await endpointThat(
    streams(
      named({ type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', content: [], usage: { input_tokens: 25, cache_creation_input_tokens: 10, cache_read_input_tokens: 100, output_tokens: 1 } } }),
      named({ type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } }),
      named({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'two and two' } }),
      named({ type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'EqQB' } }),
      named({ type: 'content_block_stop', index: 0 }),
      named({ type: 'ping' }),
      named({ type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } }),
      named({ type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'It is ' } }),
      named({ type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: '4' } }),
      named({ type: 'content_block_stop', index: 1 }),
      named({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 15 } }),
      named({ type: 'message_stop' }),
    ),
  )
  const model = await open({ provider: 'anthropic', baseUrl, model: 'claude-x' }, { ANTHROPIC_API_KEY: 'sk-ant' })
  expect(await model.complete(request)).toMatchObject({ text: 'It is 4', tokensIn: 135, tokensCached: 100, tokensOut: 15, tokensReasoning: null, finishReason: 'end_turn', tries: 1 })
  expect(requests[0]?.url).toBe('/v1/messages')
  expect(requests[0]?.headers).toMatchObject({ 'x-api-key': 'sk-ant', 'anthropic-version': '2023-06-01' })
  expect(bodies[0]).toEqual({ model: 'claude-x', max_tokens: 8, system: 'Be brief.', messages: request.messages.slice(1), temperature: 0.5, top_k: 20, top_p: 0.9, stop_sequences: ['\n'], stream: true })
})

test('Anthropic Messages: an overload in mid-stream is tried again, a stream without its end is no answer', async () => {
  const start = named({ type: 'message_start', message: { usage: { input_tokens: 5, output_tokens: 1 } } })
  const piece = named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'half' } })
  const overload = named({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })
  const { baseUrl } = await endpointThat(streams(start, piece, overload), streams(start, piece))
  const model = await open({ provider: 'anthropic', baseUrl, model: 'claude-x', apiKeyEnv: null })
  await expect(model.complete(request)).rejects.toMatchObject({ name: 'CallFailed', partial: 'half', message: expect.stringContaining('ended its answer without saying that it is whole') as string })
})

test('Anthropic Messages: an answer in one piece', async () => {
  const { baseUrl } = await endpointThat(answersJson({ type: 'message', content: [{ type: 'thinking', thinking: 'hm' }, { type: 'text', text: '4' }], stop_reason: 'max_tokens', usage: { input_tokens: 3, output_tokens: 9 } }))
  const model = await open({ provider: 'anthropic', baseUrl, model: 'claude-x', apiKeyEnv: null })
  expect(await model.complete(request)).toMatchObject({ text: '4', tokensIn: 3, tokensOut: 9, tokensCached: null, ttftMs: null, finishReason: 'max_tokens' })
})

test('Gemini: roles of its own, thoughts left out of the text and counted in the tokens', async () => {
  const chunk = (parts: unknown[], more: Record<string, unknown> = {}, usage: Record<string, number> = {}): string =>
    event({ candidates: [{ content: { role: 'model', parts }, index: 0, ...more }], usageMetadata: { promptTokenCount: 40, totalTokenCount: 40, ...usage }, modelVersion: 'gemini-x', responseId: 'r' })
  const { baseUrl, bodies, requests } = await endpointThat(
    streams(chunk([{ text: 'adding', thought: true }]), chunk([{ text: 'It is ' }]), chunk([{ text: '4' }], { finishReason: 'STOP' }, { candidatesTokenCount: 3, thoughtsTokenCount: 12, cachedContentTokenCount: 32, totalTokenCount: 55 })),
  )
  const model = await open({ provider: 'gemini', baseUrl, model: 'gemini-x', extraBody: { generationConfig: { thinkingConfig: { thinkingBudget: 64 } } } }, { GEMINI_API_KEY: 'g-key' })
  expect(await model.complete(request)).toMatchObject({ text: 'It is 4', tokensIn: 40, tokensCached: 32, tokensOut: 15, tokensReasoning: 12, finishReason: 'STOP' })
  expect(requests[0]?.url).toBe('/v1/models/gemini-x:streamGenerateContent?alt=sse')
  expect(requests[0]?.headers['x-goog-api-key']).toBe('g-key')
  expect(bodies[0]).toEqual({
    contents: [{ role: 'user', parts: [{ text: '1+1?' }] }, { role: 'model', parts: [{ text: '2' }] }, { role: 'user', parts: [{ text: '2+2?' }] }],
    systemInstruction: { parts: [{ text: 'Be brief.' }] },
    generationConfig: { maxOutputTokens: 8, temperature: 0.5, topK: 20, topP: 0.9, stopSequences: ['\n'], seed: 7, thinkingConfig: { thinkingBudget: 64 } },
  })
})

test('Gemini: a blocked prompt is that prompt’s end, and a stream cut off is no answer', async () => {
  const { baseUrl } = await endpointThat(streams(event({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 4 } })), breaksOffAfter(event({ candidates: [{ content: { parts: [{ text: 'ha' }] } }] })))
  const model = await open({ provider: 'gemini', baseUrl, model: 'gemini-x', apiKeyEnv: null })
  await expect(model.complete(request)).rejects.toThrow(PromptRefused)
  const failure = await model.complete(request).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(CallFailed)
  expect(failure).toMatchObject({ partial: 'ha', tries: 2 })
})

test('Gemini: the wait that a quota error names in its body is kept', async () => {
  const quota = { error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED', details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '0.2s' }] } }
  const { baseUrl } = await endpointThat(
    (_, response) => {
      response.writeHead(429, { 'content-type': 'application/json' })
      response.end(JSON.stringify(quota))
    },
    streams(event({ candidates: [{ content: { parts: [{ text: '4' }] }, finishReason: 'STOP' }] })),
  )
  const startedAt = performance.now()
  expect(await (await open({ provider: 'gemini', baseUrl, model: 'gemini-x', apiKeyEnv: null })).complete(request)).toMatchObject({ text: '4', tries: 2 })
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195)
})

const plain: CompletionRequest = { ...request, messages: [{ role: 'user', content: 'One, two,' }] }

test('completions: plain text on, system in front, turns refused', async () => {
  const { baseUrl, bodies } = await endpointThat(streams(event({ object: 'text_completion', choices: [{ index: 0, text: ' thr' }] }), event({ choices: [{ index: 0, text: 'ee', finish_reason: 'length' }] }), event({ choices: [], usage: { prompt_tokens: 4, completion_tokens: 2 } }), DONE))
  const model = await open({ provider: 'openai', api: 'completions', baseUrl, model: 'base' })
  expect(await model.complete(plain)).toMatchObject({ text: ' three', tokensIn: 4, tokensOut: 2, finishReason: 'length' })
  expect(bodies[0]).toMatchObject({ prompt: 'One, two,', max_tokens: 8, seed: 7, stop: ['\n'] })
  await expect(model.complete(request)).rejects.toThrow('api: completions takes one text')
})

/** What an endpoint with echo answers: words as tokens, each with the log-probability that `tell` gives it. */
function echoes(tell: (token: string, index: number) => number): (prompts: string[]) => unknown {
  return (prompts) => ({
    object: 'text_completion',
    usage: { prompt_tokens: 9, completion_tokens: prompts.length },
    choices: prompts.map((prompt, index) => {
      const text = `${prompt} end`
      const tokens = text.match(/\s?\S+/g) ?? []
      const offsets = tokens.map((_, at) => tokens.slice(0, at).join('').length)
      return { index, text, finish_reason: 'length', logprobs: { tokens, text_offset: offsets, token_logprobs: tokens.map((token, at) => (at === 0 ? null : tell(token, at))), top_logprobs: tokens.map((token, at) => (at === 0 ? null : { best: Math.max(-3, tell(token, at)) })) } }
    }),
  })
}

test.each([
  ['scores the continuation alone', echoes((token) => (token === ' qxz' ? -9 : -token.length)), null],
  ['is refused when the prompt is not repeated', (prompts: string[]) => ({ choices: prompts.map((_, index) => ({ index, text: ' end', logprobs: { tokens: [' end'], token_logprobs: [-0.1], text_offset: [0] } })) }), 'does not repeat the prompt'],
  ['is refused without logprobs', (prompts: string[]) => ({ choices: prompts.map((prompt, index) => ({ index, text: prompt })) }), 'answers without logprobs'],
  ['is refused when the known pair comes out wrong', echoes(() => -1), 'no more likely'],
])('log-likelihood by echo: %s', async (_, answer, refusal) => {
  const endpoint = await endpointThat((incoming, response) => answersJson(answer((endpoint.bodies.at(-1)?.['prompt'] ?? []) as string[]))(incoming, response))
  const model = await open({ provider: 'openai', api: 'completions', baseUrl: endpoint.baseUrl, model: 'base' })
  const scores = model.scoreContinuations?.({ messages: [{ role: 'user', content: 'The answer is ' }], continuations: ['yes', 'no indeed'] })
  if (refusal === null) {
    expect(await scores).toMatchObject({ logLikelihoods: [-4, -10], labelTokens: [1, 2], tokensIn: 9 })
    expect(endpoint.bodies[1]).toMatchObject({ prompt: ['The answer is yes', 'The answer is no indeed'], echo: true, logprobs: 1, max_tokens: 1, temperature: 0 })
  } else await expect(scores).rejects.toMatchObject({ code: 'likelihood_unsupported', message: expect.stringContaining(refusal) as string })
})

test('echo tells what would have been written, and the likelihood of a whole text but for its first token', async () => {
  const endpoint = await endpointThat((incoming, response) => answersJson(echoes((token) => (token === ' qxz' ? -9 : -token.trim().length))((endpoint.bodies.at(-1)?.['prompt'] ?? []) as string[]))(incoming, response))
  const model = await open({ provider: 'openai', api: 'completions', baseUrl: endpoint.baseUrl, model: 'base' })
  // Words of more than three letters are not its first choice.
  expect(await model.scoreContinuations?.({ messages: [{ role: 'user', content: 'It is' }], continuations: [' so', ' so odd', ' very odd'], greedy: true })).toMatchObject({ logLikelihoods: [-2, -5, -7], greedy: [true, true, false] })
  expect(await model.scoreContinuations?.({ messages: [], continuations: ['It is so'], rolling: true })).toMatchObject({ logLikelihoods: [-4], labelTokens: [2] })
})

test('chat endpoints tell no likelihoods', async () => {
  const { baseUrl } = await endpointThat(fails(500, 'not asked'))
  expect((await open({ provider: 'openai', baseUrl, model: 'chat' })).scoreContinuations).toBeNull()
})
