import { expect, it } from 'vitest';
import { compilePlan, Router } from '../../../src/engine/router.ts';

const FIRST = 'InfiniteSource(LIMIT 5) -> c :: Counter -> Discard;';

function create(log: string[]): Promise<Router> {
  return Router.create(FIRST, {
    reconfigure: {
      compile: (text) => {
        log.push('compile');
        return compilePlan(text, 'hotconfig');
      },
      installed: () => {
        log.push('installed');
      },
    },
  });
}

it('hotconfig written before the router runs is installed before its first round', async () => {
  const log: string[] = [];
  const router = await create(log);
  await router.write('hotconfig', 'InfiniteSource(LIMIT 9, STOP true) -> c :: Counter -> Discard;');
  await router.run();
  expect(await router.read('c.count')).toBe('9');
  expect(log).toEqual(['compile', 'installed']);
  await expect(router.write('hotconfig', 'Foo')).rejects.toThrow("undeclared element 'Foo'");
  router.close();
});

it("what cannot be initialised is the writer's error, and the running router goes on", async () => {
  const log: string[] = [];
  const router = await create(log);
  await expect(
    router.write('hotconfig', '\nFromDump(/nonexistent) -> c :: Counter -> Discard;'),
  ).rejects.toThrow(
    /^hotconfig:2:1: error: 'FromDump@1 :: FromDump': \/nonexistent: No such file or directory/,
  );
  // A good one after it, and a better one before that has its turn.
  await router.write('hotconfig', 'InfiniteSource(LIMIT 9, STOP true) -> c :: Counter -> Discard;');
  await router.write('hotconfig', 'InfiniteSource(LIMIT 3, STOP true) -> c :: Counter -> Discard;');
  await router.run();
  expect(await router.read('c.count')).toBe('3');
  expect(log).toEqual(['compile', 'compile', 'compile', 'installed']);
  router.close();
});

it('there is no hotconfig unless asked for', async () => {
  const router = await Router.create(FIRST);
  await expect(router.write('hotconfig', FIRST)).rejects.toThrow("no write handler 'hotconfig'");
  router.close();
});

it('an engine that waits for the front end can be closed', async () => {
  for (let i = 0; i < 100; i++) {
    const router = await create([]);
    void router.run();
    const written = router.write('hotconfig', FIRST);
    if (i % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
    if (i % 3 === 2) await written;
    else written.catch(() => undefined);
    router.close();
  }
});
