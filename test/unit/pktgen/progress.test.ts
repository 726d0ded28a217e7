import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { waitForLinks } from '../../../src/pktgen/links.ts';
import { liveDisplay } from '../../../src/pktgen/progress.ts';

const sample = (elapsedS: number) => ({
  elapsedS,
  durationS: 4,
  tx: 1e6 * elapsedS,
  rx: 1e6 * elapsedS,
  latency: { count: elapsedS, meanNs: 20_000 },
});

async function show(columns: number) {
  let written = '';
  const terminal = { columns, rows: columns && 24, write: (text: string) => (written += text) };
  const display = await liveDisplay(terminal);
  display.step('warming up');
  display.note('a note '.repeat(20));
  display.step('size 64: at the given rate');
  display.progress!(sample(1));
  display.progress!(sample(2));
  await display.end(true);
  return written;
}

describe('the live display', () => {
  it('falls back to 80 columns where a terminal does not know its size', async () => {
    const lines = stripVTControlCharacters(await show(0)).split('\n');
    expect(lines).toContain('  sent 1.00 Mpps, received 1.00 Mpps, missing 0.00 %');
    expect(lines).toContain('  latency ██ 20.0 µs mean');
    expect(lines).toContain('  [############------------] 2 s left');
    expect(lines).toContain(`  ${'a note '.repeat(20)}`);
  });

  it('wraps on a narrow terminal, and erases all lines that it wrote', async () => {
    const written = await show(20);
    for (const line of stripVTControlCharacters(written).split('\n'))
      if (!line.includes('note')) expect(line.length).toBeLessThanOrEqual(20);
    // The last update had a title of two lines, rates of three, a sparkline of two, a bar of two, and the cursor's.
    expect(written.split('\x1b[2K').slice(-10)).toHaveLength(10);
    const last = written.slice(written.lastIndexOf('\n', written.lastIndexOf('\x1b[2K')));
    expect(stripVTControlCharacters(last)).toBe('\n✔ size 64: at the g\niven rate\n');
  });

  it('leaves interrupts to others, and the cursor as it is', async () => {
    const before = process.listenerCount('SIGINT');
    expect(await show(80)).not.toContain('\x1b[?25');
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});

describe('waiting for devices', () => {
  it('says for which, and gives up', async () => {
    const steps: string[] = [];
    const g = {
      read: async (handler: string) => (handler === 'send1.carrier' ? 'false' : 'true'),
      write: async () => undefined,
    };
    const observe = { step: (text: string) => steps.push(text) };
    await waitForLinks(g, ['tap:a', undefined], { observe });
    expect(steps).toEqual([]);
    const waiting = waitForLinks(g, ['tap:a', 'vhost-user:b'], { observe, limitS: 0.05 });
    await expect(waiting).rejects.toThrow('no device connected to vhost-user:b in 0.05 s');
    expect(steps).toEqual(['waiting for a device to connect to vhost-user:b']);
  });
});
