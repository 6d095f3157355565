import type { ArmRole } from '../contracts/serving.js';

/** MurmurHash3 (x86, 32 bit) over UTF-16 units, two a block: a few hundred nanoseconds, and every bit of the key counts. */
function murmur3(text: string, seed: number): number {
  const whole = text.length & ~1;
  let hash = seed;
  for (let at = 0; at < whole; at += 2) {
    hash ^= scramble(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  if (whole < text.length) hash ^= scramble(text.charCodeAt(whole));
  hash ^= text.length * 2;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

/** Where in [0, 1) an entity lies under this salt: the same place for ever. */
export function placeOf(salt: string, entity: string): number {
  return murmur3(entity, murmur3(salt, 0)) / 0x1_0000_0000;
}

/**
 * The arm at a place. Canaries grow from 0 upwards, baselines from 1 downwards and the champion keeps the middle, so that a
 * larger step takes entities from the champion only, never from the arms that are being compared. Shadows answer nobody.
 */
export function chooseArm<Arm extends { role: ArmRole; share: number }>(
  arms: readonly Arm[],
  place: number,
): Arm | undefined {
  let low = 0;
  let high = 1;
  let middle: Arm | undefined;
  for (const arm of arms) {
    if (arm.role === 'canary') {
      low += arm.share;
      if (place < low) return arm;
    } else if (arm.role === 'baseline') {
      high -= arm.share;
      if (place >= high) return arm;
    } else if (arm.role === 'champion') {
      middle ??= arm;
    }
  }
  return middle ?? arms.find(({ role }) => role !== 'shadow');
}
