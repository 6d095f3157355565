import { setTimeout as sleep } from 'node:timers/promises';
import { createGateway } from '../../../client/index.js';
import { drawRows, featuresOf } from '../../small-world.js';

const perSecond = 40;

/** Applications that ask on, whatever happens: what was answered is remembered by its id, what was not is asked no more. */
export interface Traffic {
  answered: ReadonlySet<string>;
  stop: () => Promise<void>;
}

export function startTraffic({ url, model }: { url: string; model: string }): Traffic {
  const gateway = createGateway({ url, timeout: 10_000 });
  const rows = drawRows({ seed: 'traffic', rows: 500 });
  const answered = new Set<string>();
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();

  const ask = async (turn: number) => {
    const row = rows[turn % rows.length];
    if (!row) return;
    const id = `${model}-${turn}`;
    await gateway.infer(model, featuresOf(row), { id, entity: id });
    answered.add(id);
    if (turn % 4 === 0) await gateway.sendLabels(model, [{ id, label: row.y }]);
  };
  const asking = (async () => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      const asked = ask(turn)
        .catch(() => {})
        .finally(() => underWay.delete(asked));
      underWay.add(asked);
      // A gateway that stands still must not gather requests without end.
      if (underWay.size > 200) await Promise.race(underWay);
      await sleep(1_000 / perSecond);
    }
    await Promise.all(underWay);
  })();
  return {
    answered,
    stop: async () => {
      stopping.abort();
      await asking;
    },
  };
}
