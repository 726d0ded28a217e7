/** Showing what a benchmark does: a live display on a terminal, plain lines elsewhere. */

import type { Observer } from './bench.ts';
import { LiveView } from './live.ts';

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

/** A task for each step, with rates, latency and the time left below it while it runs. */
export async function liveDisplay(): Promise<Display> {
  const { Listr } = await import('listr2');
  interface Task {
    output: string;
  }
  let finish: ((ok: boolean) => void) | undefined;
  let shown: Promise<unknown> = Promise.resolve();
  let task: Task | undefined;
  const view = new LiveView();

  const close = async (ok: boolean) => {
    finish?.(ok);
    finish = undefined;
    task = undefined;
    await shown.catch(() => undefined);
  };
  const open = (title: string) => {
    view.begin();
    const before = close(true);
    const over = new Promise<void>((resolve, reject) => {
      finish = (ok) => (ok ? resolve() : reject(new Error('stopped')));
    });
    over.catch(() => undefined);
    const run = (_: unknown, t: Task) => {
      task = t;
      return over;
    };
    const list = new Listr([{ title, task: run, rendererOptions: { outputBar: 3 } }], {
      exitOnError: false,
      collectErrors: false,
    });
    shown = before.then(() => list.run());
  };
  return {
    step: open,
    note: open,
    progress: (state) => {
      const lines = view.sample(state, performance.now());
      if (task && lines.length) task.output = lines.join('\n');
    },
    overall: (state) => view.overall(state, performance.now()),
    end: close,
  };
}
