/**
 * Finds what PostgreSQL keeps in no text: a NUL, and half of a surrogate pair. Every door refuses it, for behind a door an activity would
 * try to keep it for ever. Free of zod: workflows import it.
 */
export const unkeepable = /[\0\p{Cs}]/u;
