/** What a benchmark found: the versioned shape that `bench --json` prints. Shapes only grow. */

import { z } from 'zod';
import {
  CurveSchema,
  HeldUpSchema,
  LatencySchema,
  SearchSchema,
  StreamCountsSchema,
} from './schema-search.ts';

export const TrialSchema = z.object({
  /** Frame size in bytes with frame check sequence, or `imix`, or a list of sizes. */
  size: z.union([z.number(), z.string()]),
  /** Packets a second: what was asked for; at rate max what the router took. */
  offeredPps: z.number(),
  txPps: z.number(),
  rxPps: z.number(),
  lossRatio: z.number(),
  latencyUs: LatencySchema.nullable(),
  durationS: z.number(),
  /** Packets a second; `trace`: as a trace file has it. */
  rate: z.union([z.number(), z.literal('max'), z.literal('trace')]),
  txPackets: z.number(),
  rxPackets: z.number(),
  /** Offered packets that the generator could not make in time. */
  missedPackets: z.number(),
  /** Seconds for which the host kept the generator or the router from running; null: not known. */
  heldUpS: HeldUpSchema.nullable().optional(),
  lost: z.number(),
  reordered: z.number(),
  duplicates: z.number(),
  /** Frames that came back but were not the generator's. */
  foreign: z.number(),
  txBitsPerS: z.number(),
  rxBitsPerS: z.number(),
  /** The trial that latencyUs is from, where it is another one: at max rate latency is the length of the queues. */
  latencyAt: z
    .object({ offeredPps: z.number(), rxPps: z.number(), lossRatio: z.number(), durationS: z.number() })
    .nullable(),
  latencyAtMaxUs: LatencySchema.nullable(),
  latencyCurve: CurveSchema,
  /** What the generator alone sends to itself and receives at this size, on one thread. */
  generatorMaxPps: z.number().nullable(),
  /** That is hardly more than what was measured: the figure may be the generator's own limit. */
  generatorLimited: z.boolean(),
  exitsPerMillionPackets: z.number().nullable(),
  streams: z.array(StreamCountsSchema).optional(),
  /** Where streams are replayed or untracked: other frames that came, which rxPackets has too. */
  untracked: z
    .object({
      rxPackets: z.number(),
      arpRequests: z.number(),
      /** To be sent, by the trace files; null: no trace, or without end. */
      tracePackets: z.number().nullable(),
    })
    .nullable()
    .optional(),
});

const BootSchema = z.object({
  monitor: z.number(),
  kernel: z.number(),
  configure: z.number(),
  firstPacket: z.number().nullable(),
  total: z.number(),
});

export const EnvironmentSchema = z.object({
  cpu: z.string(),
  cores: z.number(),
  kernel: z.string(),
  node: z.string(),
  kvm: z.string(),
  clicklet: z.string(),
  date: z.string(),
  loadAverage: z.array(z.number()),
  /** Of the processes that were measured: -20 (before all others) to 19. */
  priority: z.number(),
  generatorCpu: z.number().nullable(),
  dutCpu: z.number().nullable(),
  timestamps: z.string(),
  /** How wrong a time stamp can be, measured in this run, in ns; null: not measured. */
  timestampErrorNs: z
    .object({
      /** Steps between 1000 readings of the clock, one directly after the other. */
      readP50: z.number(),
      readP99: z.number(),
      readMax: z.number(),
      /** Making and sending a batch, which has one time stamp, at the generator's own limit. */
      batch: z.number().nullable(),
    })
    .nullable()
    .optional(),
});

export const ResultSchema = z.object({
  version: z.literal(1),
  config: z.string(),
  dut: z.object({
    kind: z.enum(['vm', 'process', 'device', 'simulated']),
    vmm: z.enum(['kvm', 'qemu', 'process', 'device', 'simulated']),
    why: z.string(),
    engine: z.string(),
    bootMs: BootSchema.nullable(),
    memory: z.object({ guestBytes: z.number(), residentBytes: z.number() }).nullable(),
    configText: z.string(),
    /** The process whose running was watched; null: none could be. Of devices that were not started here. */
    watchedPid: z.number().nullable().optional(),
    /** Elements, and connections as [from, output, to, input] by index. */
    graph: z
      .object({
        elements: z.array(z.object({ name: z.string(), class: z.string() })),
        connections: z.array(z.array(z.number())),
      })
      .optional(),
  }),
  streams: z.array(z.record(z.string(), z.unknown())),
  trials: z.array(TrialSchema),
  search: SearchSchema.nullable(),
  /** Stopped before the end: what is there was measured until then. */
  interrupted: z.literal(true).optional(),
  generator: z.object({ maxTxPps: z.number(), maxRxPps: z.number() }),
  environment: EnvironmentSchema,
});

export type BenchResult = z.infer<typeof ResultSchema>;
export type TrialResult = z.infer<typeof TrialSchema>;
export type Environment = z.infer<typeof EnvironmentSchema>;

/** Fraction of the packets sent that did not arrive, 0 to 1. */
export const lossRatio = (tx: number, rx: number): number => (tx > 0 ? Math.max(0, (tx - rx) / tx) : 0);

/** Bits a second on the wire: with preamble, frame check sequence and gap (20 + 4 bytes a frame). */
export const wireBits = (packets: number, bytes: number, seconds: number): number =>
  seconds > 0 ? ((bytes + packets * 24) * 8) / seconds : 0;

/** A figure that two results have both. */
export interface Compared {
  size: number | string;
  /** `max`, a rate, `NDR` or `PDR`. */
  what: string;
  baselinePps: number;
  pps: number;
}

/** The rates of a result: received in each trial, and what searches found. */
export function ratesOf(r: BenchResult): { size: number | string; what: string; pps: number }[] {
  const trials = r.trials.map((t) => ({ size: t.size, what: String(t.rate), pps: t.rxPps }));
  const found = (r.search?.sizes ?? []).flatMap((s) => [
    { size: s.size, what: 'NDR', pps: s.ndrPps },
    ...(s.pdrPps === null ? [] : [{ size: s.size, what: 'PDR', pps: s.pdrPps }]),
  ]);
  return [...trials, ...found];
}

/** What can be compared: the same size and rate, or the same goal. */
export function comparable(result: BenchResult, baseline: BenchResult): Compared[] {
  const other = ratesOf(baseline);
  return ratesOf(result).flatMap(({ size, what, pps }) => {
    const b = other.find((x) => x.size === size && x.what === what);
    return b ? [{ size, what, baselinePps: b.pps, pps }] : [];
  });
}

/** Rates under `ratio` times that of the baseline. Sizes and goals that only one of them has are not compared. */
export const compareWithBaseline = (result: BenchResult, baseline: BenchResult, ratio: number): Compared[] =>
  comparable(result, baseline).filter((c) => c.pps < ratio * c.baselinePps);
