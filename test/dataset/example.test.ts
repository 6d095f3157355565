import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { modelSpec } from '../../contracts/spec.js';
import { parseContract } from '../../dataset/contract.js';
import { openAirports } from '../../examples/flight-delay/airports.js';
import { landMonth } from '../../examples/flight-delay/land-month.js';
import { sampleMonth } from '../../examples/flight-delay/traffic.js';
import { judge, workplace } from './rows.js';

const folder = new URL('../../examples/flight-delay/', import.meta.url);
const read = async (file: string): Promise<unknown> =>
  parse(await readFile(new URL(file, folder), 'utf8'));

describe('the flight-delay example', () => {
  test('sabotages the spec in exactly one parameter', async () => {
    const spec = modelSpec.parse(await read('model.yaml'));
    const sabotaged = modelSpec.parse(await read('sabotage.yaml'));
    expect(spec.training.parameters['unseen_categories']).toBe('other');
    sabotaged.training.parameters['unseen_categories'] = 'other';
    expect(sabotaged).toEqual(spec);
  });

  test('lands January under the contract, with its spoiled rows in quarantine', async () => {
    const place = await workplace();
    const spec = modelSpec.parse(await read('model.yaml'));
    const contract = parseContract(await read('contract.yaml'));
    const landed = await landMonth({ month: 1, folder: join(place.base, 'data') });
    const { validation } = await judge(place, { data: spec.data, contract });
    expect(validation).toMatchObject({
      verdict: 'pass',
      rows: landed.rows,
      quarantined: landed.spoiled,
    });
    expect(landed.spoiled / landed.rows).toBeGreaterThan(0.003);
    expect(landed.rows / 508_239).toBeGreaterThan(0.35);
    expect(landed.rows / 508_239).toBeLessThan(0.4);
  }, 60_000);

  test('lands the same file each time', async () => {
    const { base } = await workplace();
    const land = (folder: string) =>
      landMonth({ month: 1, folder: join(base, folder), spoil: false });
    const [first, second] = [await land('first'), await land('second')];
    expect(first.spoiled).toBe(0);
    expect((await readFile(first.file)).equals(await readFile(second.file))).toBe(true);
  }, 60_000);

  test('samples the same flights for the same seed, in order, once each', async () => {
    const asked = { month: 2, size: 500, seed: 7 };
    const flights = await sampleMonth(asked);
    expect(await sampleMonth(asked)).toEqual(flights);
    expect(await sampleMonth({ ...asked, seed: 8 })).not.toEqual(flights);
    expect(flights).toHaveLength(500);
    expect(new Set(flights.map((flight) => flight.id)).size).toBe(500);
    const times = flights.map((flight) => flight.eventTime);
    expect(times).toEqual(times.toSorted());
    expect(times.every((time) => time.startsWith('2001-02-'))).toBe(true);
    expect(flights.every((flight) => flight.labelTime > flight.eventTime)).toBe(true);
  });

  test('meets airports in March that February did not have', async () => {
    const before = new Set(openAirports(2));
    const flights = await sampleMonth({ month: 3, size: 2_000, seed: 1 });
    const unseen = flights.filter((flight) => !before.has(String(flight.inputs['origin'])));
    expect(unseen.length / flights.length).toBeGreaterThan(0.15);
  });

  test('asks for the features of the spec and no others', async () => {
    const spec = modelSpec.parse(await read('model.yaml'));
    const [flight] = await sampleMonth({ month: 1, size: 1, seed: 1 });
    expect(Object.keys(flight?.inputs ?? {}).toSorted()).toEqual(
      spec.data.features.map((feature) => feature.name).toSorted(),
    );
  });
});
