/** The fused engine behind a router that `click` or `clicklet run` runs. */

import { findCompiler } from '../engine/fuse/compiler.ts';
import { fuseRouter } from '../engine/fuse/index.ts';
import { HostError } from '../engine/native.ts';
import { HandlerError, type Router } from '../engine/router.ts';
import { CliError, EXIT } from './output.ts';

export const ENGINES = ['auto', 'dynamic', 'fused'] as const;
export type EngineChoice = (typeof ENGINES)[number];

/** What `click`, which has no option for it, takes from CLICKLET_ENGINE. Throws CliError. */
export function engineFromEnvironment(): EngineChoice {
  const value = process.env.CLICKLET_ENGINE || 'dynamic';
  const choice = ENGINES.find((e) => e === value);
  if (!choice)
    throw new CliError(`CLICKLET_ENGINE is '${value}': expected ${ENGINES.join(', ')}`, EXIT.usage);
  return choice;
}

/** A router that ends sooner than this is not worth a compiler. */
const PATIENCE_MS = 500;

/** Compiles what a router runs and binds the code to it: before it runs (`fused`), or while it does (`auto`). */
export class Fusing {
  readonly #router: Router;
  readonly #choice: EngineChoice;
  readonly #warn: (text: string) => void;
  #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(router: Router, choice: EngineChoice, warn: (text: string) => void) {
    this.#router = router;
    this.#choice = choice;
    this.#warn = warn;
  }

  /** With `fused`, resolves when the code is bound. Throws HostError if it cannot be made. */
  async start(): Promise<void> {
    if (this.#choice === 'dynamic') return;
    if (this.#choice === 'fused') {
      await fuseRouter(this.#router);
      return;
    }
    if (!findCompiler()) this.#warn('there is no C compiler here, so the router stays on the dynamic engine');
    else this.#timer = setTimeout(() => this.#later(), PATIENCE_MS);
  }

  /** The router has another configuration: what was bound went with the old one. */
  restart(): void {
    if (this.#choice === 'dynamic') return;
    this.stop();
    this.#abort = new AbortController();
    this.#timer = setTimeout(() => this.#later(), 0);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #later(): Promise<void> {
    try {
      await fuseRouter(this.#router, this.#abort.signal);
    } catch (e) {
      if (this.#abort.signal.aborted) return;
      if (!(e instanceof HostError || e instanceof HandlerError)) throw e;
      this.#warn(`the router stays on the dynamic engine: ${e.message}`);
    }
  }
}
