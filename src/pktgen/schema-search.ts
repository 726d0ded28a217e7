/** What a search found, as `bench --json` prints it under `search`. Rates are packets a second of all streams together. */

import { z } from 'zod';

export const LatencySchema = z.object({
  min: z.number(),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  p999: z.number(),
  p9999: z.number(),
  max: z.number(),
  mean: z.number(),
});

export const CurveSchema = z.array(z.object({ percentile: z.number(), us: z.number() }));

/** One stream in a trial. */
export const StreamCountsSchema = z.object({
  stream: z.number(),
  txPackets: z.number(),
  packets: z.number(),
  lost: z.number(),
  reordered: z.number(),
  duplicates: z.number(),
  /** False: its packets have no signature; `packets` are other frames that came, 0 if more than one stream is so. */
  tracked: z.literal(false).optional(),
});

const SummarySchema = z.object({
  n: z.number(),
  mean: z.number(),
  median: z.number(),
  min: z.number(),
  max: z.number(),
  p1: z.number(),
  p99: z.number(),
  sd: z.number().nullable(),
  /** 95 % confidence interval of the mean, by Student's t. */
  ci95: z.object({ low: z.number(), high: z.number() }).nullable(),
});

export const HeldUpSchema = z.object({ generator: z.number().nullable(), router: z.number().nullable() });

/** One trial of a search. */
const SearchTrialSchema = z.object({
  /** Intended. */
  load: z.number(),
  durationS: z.number(),
  /** With packets that the port refused, once they are more than one in a thousand. */
  lossRatio: z.number(),
  txPackets: z.number(),
  rxPackets: z.number(),
  /** Due but not sent, and of these those for which the port had no room. */
  missedPackets: z.number(),
  refusedPackets: z.number(),
  /** Of these, while the host kept the generator or the router from running: they do not count as lost. */
  excusedPackets: z.number().optional(),
  /** Seconds for which the host did so; null: not known. */
  heldUpS: HeldUpSchema.nullable().optional(),
  /** Trials at this load that were thrown away because the host held up one side. */
  repeated: z.number().optional(),
  reordered: z.number(),
  duplicates: z.number(),
  latencyP50Us: z.number().nullable(),
  latencyP99Us: z.number().nullable(),
  /** Which repetition of the search, from 0. */
  run: z.number(),
});

/** A goal (RFC 9971, section 4.4) and what became of it (4.6.4). */
const GoalResultSchema = z.object({
  name: z.string(),
  lossRatio: z.number(),
  exceedRatio: z.number(),
  initialDurationS: z.number(),
  finalDurationS: z.number(),
  durationSumS: z.number(),
  /** Relative to the upper bound. */
  width: z.number(),
  regular: z.boolean(),
  why: z.string().nullable(),
  lowerPps: z.number().nullable(),
  upperPps: z.number().nullable(),
  /** The conditional throughput. */
  throughputPps: z.number(),
  run: z.number(),
});

const LatencyAtSchema = z.object({
  load: z.number(),
  /** Of the load whose latency it is: `throughput`, `50 %`, ... */
  label: z.string(),
  lossRatio: z.number(),
  latencyUs: LatencySchema.nullable(),
  curve: CurveSchema,
  /** Of the repetitions: typical (p50) and worst-case (p99.9) latency, and their difference to the least (RFC 8219). */
  repeats: z.object({ typicalUs: SummarySchema, worstUs: SummarySchema, pdvUs: SummarySchema }).nullable(),
});

const Rfc2544Schema = z.object({
  throughputPps: z.number().nullable(),
  failedPps: z.number().nullable(),
  lossCurve: z.array(z.object({ load: z.number(), lossRatio: SummarySchema })).nullable(),
  backToBack: z
    .object({
      /** null: throughput is the highest rate, so that no burst is too long. */
      frames: SummarySchema.nullable(),
      limited: z.boolean(),
      impliedBufferS: z.number(),
      correctedBufferS: z.number(),
    })
    .nullable(),
  /** Seconds from the end of the overload to the last packet lost. */
  recovery: z
    .object({
      overloadPps: z.number(),
      reducedPps: z.number(),
      seconds: SummarySchema,
      resolutionS: z.number(),
    })
    .nullable(),
  /** Seconds without forwarding around a restart (RFC 6201), by the packets lost and by the clock. */
  reset: z
    .object({
      load: z.number(),
      byLossS: SummarySchema,
      byTimeS: SummarySchema,
      resolutionS: z.number(),
    })
    .nullable(),
  /** Tests asked for that do not apply, and why. */
  skipped: z.array(z.object({ test: z.string(), why: z.string() })),
});

export const SearchSizeSchema = z.object({
  size: z.union([z.number(), z.string()]),
  ndrPps: z.number(),
  pdrPps: z.number().nullable(),
  minLoadPps: z.number(),
  maxLoadPps: z.number(),
  generatorMaxPps: z.number().nullable(),
  /** The result is more than nine tenths of that: it may be the generator's own limit. */
  generatorLimited: z.boolean(),
  /** Trials that the host disturbed even when they were repeated: it held up one side for more than 1 % of the packets, or loss is no more than what that explains. */
  heldUpTrials: z.number(),
  goals: z.array(GoalResultSchema),
  trials: z.array(SearchTrialSchema),
  latency: z.array(LatencyAtSchema),
  /** Of repeated searches. */
  repeats: z.object({ ndr: SummarySchema, pdr: SummarySchema.nullable() }).nullable(),
  rfc2544: Rfc2544Schema.nullable(),
});

export const SearchSchema = z.object({
  method: z.string(),
  /** Of the first size. */
  ndrPps: z.number(),
  pdrPps: z.number().nullable(),
  /** Loads divided by this are per generator port that sends, as the RFCs count them. */
  sendingPorts: z.number().optional(),
  rampS: z.number().optional(),
  drainS: z.number().optional(),
  /** What differs from the documents named in `standards`. */
  deviations: z.array(z.string()).optional(),
  standards: z.array(z.string()).optional(),
  sizes: z.array(SearchSizeSchema).optional(),
});

export type SearchResult = z.infer<typeof SearchSchema>;
export type SearchSize = z.infer<typeof SearchSizeSchema>;
export type SearchTrial = z.infer<typeof SearchTrialSchema>;
export type GoalJson = z.infer<typeof GoalResultSchema>;
export type LatencyAt = z.infer<typeof LatencyAtSchema>;
export type Rfc2544Json = z.infer<typeof Rfc2544Schema>;
