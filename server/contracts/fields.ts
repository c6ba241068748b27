import { z } from 'zod'

/** Fields that many messages have, as far as the database can hold them. */

const MOST = 2_147_483_647

/** A step, an attempt, a number of tokens: an integer of 32 bits. */
export const CountSchema = z.number().int().nonnegative().max(MOST)

/** The same in an address, where all is text. */
export const AddressedCountSchema = z.coerce.number().int().nonnegative().max(MOST)

/** An id in a body. Texts of the database hold no NUL, and no id was stored with one. */
export const ReferenceSchema = z.string().regex(/^[^\0]+$/, 'must have a character at least, and no NUL')

/** Of an item. Longer ones, three bytes a character, fit no index of the database. */
export const ItemIdSchema = z.string().min(1).max(800)
