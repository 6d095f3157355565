import { createHash } from 'node:crypto';

/** A seeded source of numbers in [0, 1). Equal seeds give equal sequences on every machine. */
export type RandomSource = () => number;

/** xoshiro128** seeded by the SHA-256 of a text, so that every purpose has its own stream: `randomFrom('golden/' + sha256)`. */
export function randomFrom(seed: string): RandomSource {
  const bytes = createHash('sha256').update(seed).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(offset)) as [
    number,
    number,
    number,
    number,
  ];
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result / 2 ** 32;
  };
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
