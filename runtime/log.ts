import { pino } from 'pino';

/** A sentence and an object, with the same keys everywhere: `model delivery version key part`. */
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
    debug: (sentence, facts = {}) => sink.debug(facts, sentence),
    info: (sentence, facts = {}) => sink.info(facts, sentence),
    warn: (sentence, facts = {}) => sink.warn(facts, sentence),
    error: (sentence, facts = {}) => sink.error(facts, sentence),
  };
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
