import { pino } from 'pino';

/** A sentence and an object, with the same keys everywhere: docs/operations.md#logs lists them. An Error is told by its message. */
export interface Log {
  debug(sentence: string, facts?: Record<string, unknown>): void;
  info(sentence: string, facts?: Record<string, unknown>): void;
  warn(sentence: string, facts?: Record<string, unknown>): void;
  error(sentence: string, facts?: Record<string, unknown>): void;
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** JSON lines on stderr; secrets are cut out by key. `part` is the process: pipeline, gateway, api … */
export function createLog({ part, level = 'info' }: { part: string; level?: LogLevel }): Log {
  const sink = pino(
    {
      level,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          'password',
          'secret',
          'token',
          'authorization',
          '*.password',
          '*.secret',
          '*.token',
        ],
        censor: '[hidden]',
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return {
    debug: (sentence, facts = {}) => sink.debug(withMessage(facts), sentence),
    info: (sentence, facts = {}) => sink.info(withMessage(facts), sentence),
    warn: (sentence, facts = {}) => sink.warn(withMessage(facts), sentence),
    error: (sentence, facts = {}) => sink.error(withMessage(facts), sentence),
  };
}

/** The same log, which adds to each line what is true of the work it comes from. What the line says itself goes first. */
export function surround(log: Log, surroundings: () => Record<string, unknown>): Log {
  return {
    debug: (sentence, facts) => log.debug(sentence, { ...surroundings(), ...facts }),
    info: (sentence, facts) => log.info(sentence, { ...surroundings(), ...facts }),
    warn: (sentence, facts) => log.warn(sentence, { ...surroundings(), ...facts }),
    error: (sentence, facts) => log.error(sentence, { ...surroundings(), ...facts }),
  };
}

function withMessage(facts: Record<string, unknown>): Record<string, unknown> {
  return facts.error instanceof Error ? { ...facts, error: facts.error.message } : facts;
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
