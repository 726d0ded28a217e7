import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { runBench } from '../../../src/pktgen/bench.ts';
import { resultJsonSchema } from '../../../src/pktgen/schema.ts';
import { SEARCH_DEFAULTS } from '../../../src/pktgen/search.ts';
import { checkStreams } from '../../../src/pktgen/stream.ts';

const file = new URL('../../../docs/bench-result.schema.json', import.meta.url);

describe('the published schema of results', () => {
  it('is the one that results are checked by (UPDATE_SCHEMA=1 writes it)', () => {
    const text = `${JSON.stringify(resultJsonSchema(), null, 2)}\n`;
    if (process.env.UPDATE_SCHEMA) writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('accepts what bench gives, with and without a search, and what later versions add; nothing less', async () => {
    const validate = new Ajv2020().compile(JSON.parse(readFileSync(file, 'utf8')));
    const options = {
      text: 'FromDevice(0) -> Queue -> ToDevice(1); FromDevice(1) -> Queue -> ToDevice(0);',
      file: 'wire.click',
      vmm: 'auto' as const,
      streams: checkStreams({ streams: [{}] }),
      sizes: ['64'],
      rate: 1000,
      durationS: 0.1,
    };
    const plain = await runBench({ ...options, dut: 'process' });
    const search = {
      ...SEARCH_DEFAULTS,
      maxLoad: 2000,
      durationS: 0.1,
      initialDurationS: 0.1,
      durationSumS: 0.1,
      rampS: 0,
    };
    const searched = await runBench({ ...options, dut: 'simulated', rate: undefined, search });
    const rfc2544 = await runBench({
      ...options,
      dut: 'simulated',
      rate: undefined,
      search: { ...search, method: 'rfc2544' },
    });
    for (const r of [plain, searched, rfc2544]) {
      expect(validate(JSON.parse(JSON.stringify(r))), JSON.stringify(validate.errors)).toBe(true);
      expect(validate({ ...r, later: 1 })).toBe(true);
      expect(validate({ ...r, trials: undefined })).toBe(false);
      expect(validate({ ...r, version: 2 })).toBe(false);
    }
  });
});
