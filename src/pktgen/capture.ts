/** The frames of streams without a device: into a pcap file, in simulated time, so that they are always the same. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compilePlan, Router } from '../engine/router.ts';
import { type Stream, sourceElement } from './stream.ts';

/** Write the first `count` frames of each stream to a pcap file, at the times they are due, in that order. */
export async function captureStreams(
  streams: readonly Stream[],
  count: number,
  file: string,
): Promise<number> {
  const lines = streams.map((s, i) => {
    const source = sourceElement(`s${i}`, i, s).replace(/\);$/, `, LIMIT ${count}, SPIN 0, BATCH 1);`);
    return `${source}\ns${i} -> SetTimestamp -> dump;`;
  });
  const text = `dump :: ToDump(${JSON.stringify(file)}, SNAPLEN 0);\n${lines.join('\n')}`;
  const router = await Router.create(compilePlan(text, 'streams'), { simulatedTime: true });
  try {
    for (const i of streams.keys()) await router.write(`s${i}.active`, 'true');
    const running = router.run();
    const active = async () =>
      (await Promise.all(streams.map((_, i) => router.read(`s${i}.active`)))).some(
        (a) => a.trim() === 'true',
      );
    while (await active()) await sleep(2);
    const counts = await Promise.all(streams.map((_, i) => router.read(`s${i}.count`)));
    router.stop();
    await running;
    return counts.reduce((n, c) => n + Number(c), 0);
  } finally {
    router.close();
  }
}

export interface CapturedFrame {
  /** Seconds from the first. */
  time: number;
  data: Buffer;
}

/** The packets of a pcap file that this machine wrote. */
export function readCapture(file: string): CapturedFrame[] {
  const b = readFileSync(file);
  const fraction = b.readUInt32LE(0) === 0xa1b23c4d ? 1e-9 : 1e-6;
  const frames: CapturedFrame[] = [];
  let first: number | undefined;
  for (let at = 24; at + 16 <= b.length; ) {
    const length = b.readUInt32LE(at + 8);
    const time = b.readUInt32LE(at) + b.readUInt32LE(at + 4) * fraction;
    first ??= time;
    frames.push({ time: time - first, data: b.subarray(at + 16, at + 16 + length) });
    at += 16 + length;
  }
  return frames;
}

/** The first `count` frames of each stream. */
export async function firstFrames(streams: readonly Stream[], count: number): Promise<CapturedFrame[]> {
  const folder = mkdtempSync(join(tmpdir(), 'clicklet-frames-'));
  try {
    const file = join(folder, 'frames.pcap');
    await captureStreams(streams, count, file);
    return readCapture(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes in hexadecimal, 16 a line, with offsets. */
export function hexLines(data: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += 16) {
    const hex = data
      .subarray(at, at + 16)
      .toString('hex')
      .replace(/(.{4})(?=.)/g, '$1 ');
    lines.push(`  ${at.toString(16).padStart(4, '0')}  ${hex}`);
  }
  return lines.join('\n');
}
