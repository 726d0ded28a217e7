import { describe, expect, it } from 'vitest';
import { Router } from '../../../src/engine/router.ts';

/** Reproducible random numbers below n. */
function generator(seed: number): (n: number) => number {
  let state = BigInt(seed);
  return (n) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number((state >> 33n) % BigInt(n));
  };
}

function plain(): Buffer {
  const b = Buffer.alloc(60);
  b.writeUInt32BE(0xc11cce75, 42);
  return b;
}

describe('PktgenSink', () => {
  it('counts whatever comes, as one thing or another', async () => {
    const random = generator(7);
    const frames = Array.from({ length: 400 }, () => {
      const b = plain();
      b.writeBigUInt64BE(
        [0n, 1n, 8191n, 8192n, 1n << 40n, (1n << 48n) + 1n, (1n << 64n) - 1n][random(7)]! ^ BigInt(random(3)),
        46,
      );
      for (let i = random(4); i > 0; i--) b[random(60)] = random(256);
      return b.subarray(0, random(3) === 0 ? random(60) + 1 : 60);
    });
    const lines = frames.map((f) => `InfiniteSource(DATA \\<${f.toString('hex')}>, LIMIT 3) -> k;`);
    const router = await Router.create(
      `k :: PktgenSink(STREAMS 4, WINDOW 128) -> other :: Counter -> Discard; ${lines.join('\n')} Script(wait 1s, stop);`,
      { simulatedTime: true },
    );
    await router.run();
    const s = JSON.parse(await router.read('k.summary')) as Record<string, number>;
    const other = Number(await router.read('other.count'));
    router.close();
    expect(other).toBe(s.foreign);
    expect(s.packets! + s.duplicates! + s.foreign!).toBe(1200);
    expect(s.packets).toBeGreaterThan(0);
    expect(s.foreign).toBeGreaterThan(0);
  });
});
