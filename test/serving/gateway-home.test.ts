import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { claimDeserted, claimGatewayHome } from '../../serving/gateway-home.js';
import { temporaryFolder } from '../support/artifacts.js';

describe('the home of a gateway', () => {
  it('is the same after a restart, under a larger number', async () => {
    const home = await temporaryFolder();
    const first = await claimGatewayHome(home, 'local', () => 1_000);
    await first.leave();
    const second = await claimGatewayHome(home, 'local', () => 500);
    expect(second.gateway).toBe(first.gateway);
    expect(second.epoch).toBeGreaterThan(first.epoch);
    await second.leave();
  });

  it('is another one while its owner lives', async () => {
    const home = await temporaryFolder();
    const first = await claimGatewayHome(home, 'local');
    const second = await claimGatewayHome(home, 'local');
    expect(second.gateway).not.toBe(first.gateway);
    expect(second.folder).not.toBe(first.folder);
    await Promise.all([first.leave(), second.leave()]);
  });

  it('is taken over from a dead owner', async () => {
    const home = await temporaryFolder();
    const first = await claimGatewayHome(home, 'local');
    await writeFile(join(first.folder, 'owner.json'), '{"pid":1,"started":"another time"}');
    const second = await claimGatewayHome(home, 'local');
    expect(second.folder).toBe(first.folder);
    expect((await readdir(second.folder)).toSorted()).toEqual(['epoch', 'owner.json']);
    await second.leave();
  });

  it('finds the other places that nobody has any more, and gives them back', async () => {
    const home = await temporaryFolder();
    const [first, second, third] = [
      await claimGatewayHome(home, 'local'),
      await claimGatewayHome(home, 'local'),
      await claimGatewayHome(home, 'local'),
    ];
    await second.leave();
    for (let round = 0; round < 2; round += 1) {
      const deserted: string[] = [];
      for await (const { gateway } of claimDeserted(home, 'local')) deserted.push(gateway);
      expect(deserted).toEqual([second.gateway]);
    }
    await Promise.all([first.leave(), third.leave()]);
  });
});
