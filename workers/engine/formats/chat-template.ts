// Chat templates: the Jinja that turns a conversation into the text a model was taught to read.

import { Template } from '@huggingface/jinja'
import { EngineError } from '../engine-error.js'
import { messageOf } from '../message-of.js'

export interface ChatMessage {
  role: string
  content: string
}

export interface ChatToRender {
  messages: readonly ChatMessage[]
  /** Whether the text ends where the assistant's answer begins. */
  addGenerationPrompt: boolean
  /** Texts of the special tokens the template may name. */
  tokens: { bos: string | undefined; eos: string | undefined; pad: string | undefined }
  /** The model, for messages. */
  where: string
}

/**
 * Llama 3.2's template writes today's date into the system turn unless one is given, so that the same conversation would
 * become other tokens tomorrow. This is the date it falls back to where it has no clock.
 */
const TEMPLATE_DATE = '26 Jul 2024'

/** @param where the model, for the message */
export function compileChatTemplate(source: string | undefined, where: string): Template | undefined {
  if (source === undefined) return undefined
  try {
    return new Template(source)
  } catch (cause) {
    throw new EngineError('template_invalid', `the chat template in ${where} cannot be parsed: ${messageOf(cause)}`, { folder: where }, cause)
  }
}

/** Throws `template_invalid` where there is no template or it refuses the messages. */
export function renderChatTemplate(template: Template | undefined, { messages, addGenerationPrompt, tokens, where }: ChatToRender): string {
  if (template === undefined) {
    throw new EngineError('template_invalid', `the model in ${where} has no chat template; give a plain text prompt, or add chat_template to its tokenizer_config.json`, { folder: where })
  }
  try {
    return template.render({
      messages,
      add_generation_prompt: addGenerationPrompt,
      bos_token: tokens.bos ?? '',
      eos_token: tokens.eos ?? '',
      pad_token: tokens.pad ?? '',
      tools: null,
      documents: null,
      date_string: TEMPLATE_DATE,
    })
  } catch (cause) {
    throw new EngineError('template_invalid', `the chat template in ${where} refused the messages: ${messageOf(cause)}`, { folder: where }, cause)
  }
}
