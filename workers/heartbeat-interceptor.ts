import type { ActivityInterceptorsFactory } from '@temporalio/worker';

/**
 * Beats for activities that keep nothing in their heartbeats, three times within their timeout: a dead worker is noticed early, and a
 * long query on a living one is not taken for it. Not for the judge and for trainings, which resume from what they beat.
 */
export const beatForActivities: ActivityInterceptorsFactory = (context) => ({
  inbound: {
    async execute(input, next) {
      const { heartbeatTimeoutMs } = context.info;
      if (!heartbeatTimeoutMs) return next(input);
      context.heartbeat();
      const timer = setInterval(() => context.heartbeat(), heartbeatTimeoutMs / 3);
      try {
        return await next(input);
      } finally {
        clearInterval(timer);
      }
    },
  },
});
