import { describe, expect, test } from 'vitest';
import { waitsFor, type Rival } from '../../../db/gpu/placement-view.js';

const standing = (
  rivals: Partial<Rival>[],
  { devices = 2, usual = 1_200 as number | null } = {},
) => ({
  class: 'a10',
  devices,
  usual,
  rivals: rivals.map((each, at) => ({
    key: `key-${at}`,
    name: `model-${at}/1`,
    count: 1,
    ran: null,
    yields: false,
    ...each,
  })),
});
const own = { key: 'own' };

describe('A training that waits for GPUs is told', () => {
  test('that nobody serves its class, and what to do', () => {
    expect(waitsFor(standing([own], { devices: 0 }), { key: 'own', count: 4 })).toBe(
      'No worker serves GPU class a10; start one with PERENNIAL_GPUS=a10:4',
    );
  });

  test('who goes first, who holds the GPUs, and about how long that takes', () => {
    // Two hold with 600 s and nothing left to go, one goes first for 1,200 s on two GPUs: 3,000 GPU seconds over two.
    const rivals = [{ ran: 600 }, { ran: 5_000 }, { count: 2 }, own, {}];
    expect(waitsFor(standing(rivals), { key: 'own', count: 1 })).toBe(
      '1 goes first on a10 (2 GPUs, held by model-0/1, model-1/1); about 25 min',
    );
    expect(waitsFor(standing([own], { devices: 1 }), { key: 'own', count: 1 })).toBe(
      'Next on a10, needs 1 of 1 GPU; about a minute',
    );
  });

  test('how long those take that would not give way, and of the others nothing', () => {
    const rivals = [{ ran: 0 }, own, { ran: 0, yields: true }];
    expect(waitsFor(standing(rivals), { key: 'own', count: 2 })).toBe(
      'Next on a10, needs 2 of 2 GPUs, held by model-0/1, model-2/1; about 10 min',
    );
    expect(waitsFor(standing([own, { ran: 0, yields: true }]), { key: 'own', count: 1 })).toContain(
      'about a minute',
    );
  });

  test('that nobody knows how long, where no training of its class has ended well yet', () => {
    expect(waitsFor(standing([{}, {}, own], { usual: null }), { key: 'own', count: 1 })).toBe(
      '2 go first on a10 (2 GPUs); nobody knows how long that takes yet',
    );
  });

  test('hours, where it takes hours', () => {
    const long = standing([{ ran: 0 }, own], { devices: 1, usual: 90_000 });
    expect(waitsFor(long, { key: 'own', count: 1 })).toContain('about 25 h');
  });
});
