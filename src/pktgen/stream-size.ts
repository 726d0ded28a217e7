/** Frame sizes of a stream: bytes with frame check sequence, weighted. */

import { LONGEST_FRAME } from './frames.ts';

export interface Sizes {
  /** As PktgenSource takes them. */
  text: string;
  list: { bytes: number; weight: number }[];
}

export const SIZE_HELP = `frame sizes in bytes such as 64, '64*7 594*4' or 'imix'`;

/** Read `64`, `64*7 594*4 1518` or `imix`, for headers that need `least` bytes. A string says what is wrong. */
export function parseSizes(value: string | number | readonly number[], least = 64): Sizes | string {
  const text = (typeof value === 'object' ? value.join(' ') : String(value)).trim();
  if (/^imix$/i.test(text)) {
    if (least > 594) return `the headers need ${least} bytes: more than the frames of imix have`;
    return {
      text: 'imix',
      list: [
        { bytes: least, weight: 7 },
        { bytes: 594, weight: 4 },
        { bytes: 1518, weight: 1 },
      ],
    };
  }
  if (!/^\d+(\*[1-9]\d*)?( +\d+(\*[1-9]\d*)?)*$/.test(text)) return `expected ${SIZE_HELP}`;
  const list = text.split(/ +/).map((word) => {
    const [bytes, weight] = word.split('*').map(Number);
    return { bytes: bytes!, weight: weight ?? 1 };
  });
  const wrong = list.find((s) => s.bytes < least || s.bytes > LONGEST_FRAME);
  if (wrong)
    return `frames of ${wrong.bytes} bytes are not possible: ${least}${least > 64 ? ' (these headers, the signature and the frame check sequence)' : ''} to ${LONGEST_FRAME}`;
  if (list.reduce((n, s) => n + s.weight, 0) > 256) return 'more than 256 sizes, counted with their weights';
  return { text, list };
}

/** Mean frame size in bytes, frame check sequence included. */
export function meanSize(s: Sizes): number {
  const weights = s.list.reduce((n, x) => n + x.weight, 0);
  return s.list.reduce((n, x) => n + x.bytes * x.weight, 0) / weights;
}
