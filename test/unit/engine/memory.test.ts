/** Packets run out: sources go on when there are some again. */

import { expect, it } from 'vitest';
import { Router } from '../../../src/engine/router.ts';

it.each([
  // Simulated time: one that asks again in the next round uses a few ns each time.
  ['RatedSource(RATE 100000, LIMIT 1000)', '1s'],
  ['InfiniteSource(LIMIT 1000)', '10us'],
  ['RandomSource(64, LIMIT 1000)', '10us'],
  ['InfiniteSource(LIMIT 1000) -> Unqueue', '10us'],
  ['RandomSource(64, LIMIT 1000) -> Unqueue', '10us'],
])('%s', async (source, wait) => {
  const router = await Router.create(
    `${source} -> q :: Queue(2000) -> u :: Unqueue(ACTIVE false) -> c :: Counter -> Discard;
     Script(wait ${wait}, write u.active true, wait 1, stop);`,
    { simulatedTime: true, poolPackets: 64 },
  );
  try {
    await router.run();
    expect(await router.read('c.count')).toBe('1000');
    expect(Number(await router.read('q.highwater_length'))).toBe(64); // it had all there were
  } finally {
    router.close();
  }
});
