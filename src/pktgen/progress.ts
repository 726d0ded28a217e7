/** Showing what a benchmark does: a live display on a terminal, plain lines elsewhere. */

import type { Observer } from './bench.ts';
import { mpps } from './print.ts';

export interface Display extends Observer {
  step(text: string): void;
  note(text: string): void;
  /** The last step is over, well or not. */
  end(ok: boolean): Promise<void>;
}

/** No display at all, for `--json`. */
export const silent: Display = { step: () => undefined, note: () => undefined, end: async () => undefined };

/** One line for each step. */
export function plainDisplay(write: (text: string) => void): Display {
  return {
    step: (text) => write(`${text}\n`),
    note: (text) => write(`${text}\n`),
    end: async () => undefined,
  };
}

/** A task for each step, with rates and the time left below it while it runs. */
export async function liveDisplay(): Promise<Display> {
  const { Listr } = await import('listr2');
  interface Task {
    output: string;
  }
  let finish: ((ok: boolean) => void) | undefined;
  let shown: Promise<unknown> = Promise.resolve();
  let task: Task | undefined;
  let last = { t: 0, tx: 0, rx: 0 };

  const close = async (ok: boolean) => {
    finish?.(ok);
    finish = undefined;
    task = undefined;
    await shown.catch(() => undefined);
  };
  const open = (title: string) => {
    last = { t: 0, tx: 0, rx: 0 };
    const before = close(true);
    const over = new Promise<void>((resolve, reject) => {
      finish = (ok) => (ok ? resolve() : reject(new Error('stopped')));
    });
    over.catch(() => undefined);
    const run = (_: unknown, t: Task) => {
      task = t;
      return over;
    };
    const list = new Listr([{ title, task: run }], { exitOnError: false, collectErrors: false });
    shown = before.then(() => list.run());
  };
  return {
    step: open,
    note: open,
    progress: ({ elapsedS, durationS, tx, rx }) => {
      const dt = elapsedS - last.t;
      if (!task || dt <= 0 || elapsedS > durationS + 0.1) return;
      const left = Math.max(0, durationS - elapsedS);
      const missing = tx - rx > 0 && tx > 0 ? ((tx - rx) / tx) * 100 : 0;
      task.output = `sent ${mpps((tx - last.tx) / dt)}, received ${mpps((rx - last.rx) / dt)}, not received ${missing.toFixed(2)} %, ${left.toFixed(1)} s left`;
      last = { t: elapsedS, tx, rx };
    },
    end: close,
  };
}
