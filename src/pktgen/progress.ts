/** Showing what a benchmark does: a live display on a terminal, plain lines elsewhere. All of it on standard error. */

import { message } from '../cli/output.ts';
import type { Observer } from './bench.ts';
import { LiveView } from './live.ts';

export interface Display extends Observer {
  step(text: string): void;
  note(text: string): void;
  /** The last step is over, well or not. */
  end(ok: boolean): Promise<void>;
}

/** The display that suits standard error; `quiet`: nothing but a live one. */
export async function chooseDisplay(quiet: boolean | undefined): Promise<Display> {
  if (process.stderr.isTTY && process.env.TERM !== 'dumb') return liveDisplay(process.stderr);
  return quiet ? silent : plainDisplay(message);
}

/** No display at all. */
export const silent: Display = { step: () => undefined, note: () => undefined, end: async () => undefined };

/** One line for each step. */
export function plainDisplay(write: (text: string) => void): Display {
  return {
    step: (text) => write(`${text}\n`),
    note: (text) => write(`${text}\n`),
    end: async () => undefined,
  };
}

/** What a terminal is, as far as it is used here. */
export type Terminal = Pick<NodeJS.WriteStream, 'columns' | 'rows'> & { write(text: string): unknown };

/** A line for each step, with rates, latency and the time left below it while it runs. */
export async function liveDisplay(terminal: Terminal): Promise<Display> {
  const { createLogUpdate } = await import('log-update');
  // A terminal that does not know its size says 0.
  const sized = {
    get columns() {
      return terminal.columns || 80;
    },
    get rows() {
      return terminal.rows || 24;
    },
    write: (text: string) => terminal.write(text),
  };
  // The cursor stays as it is: nobody would show it again after an interrupt.
  const update = createLogUpdate(sized as unknown as NodeJS.WriteStream, { showCursor: true });
  const view = new LiveView();
  let title: string | undefined;
  const close = (mark: string) => {
    if (title !== undefined) {
      update(`${mark} ${title}`);
      update.done();
    }
    title = undefined;
  };
  return {
    step(text) {
      close('✔');
      view.begin();
      title = text;
      update(`▸ ${text}`);
    },
    note(text) {
      close('✔');
      terminal.write(`  ${text}\n`);
    },
    progress(state) {
      const lines = view.sample(state, performance.now());
      if (title !== undefined && lines.length)
        update([`▸ ${title}`, ...lines.map((l) => `  ${l}`)].join('\n'));
    },
    overall: (state) => view.overall(state, performance.now()),
    end: async (ok) => close(ok ? '✔' : '✖'),
  };
}
