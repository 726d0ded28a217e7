/** Running a router in this process, as `click` and `clicklet run` do. */

import { writeFileSync } from 'node:fs';
import { compilePlan, HandlerError, Router } from '../engine/router.ts';
import { type ConfigText, libraryResolver } from './load.ts';
import { EXIT, message, print, report } from './output.ts';

export interface RunOptions {
  variables?: Record<string, string>;
  handlers?: string[];
  /** Handlers whose value becomes the exit status. */
  exitHandler?: string;
  /** Where handler values go; standard output by default. */
  output?: string;
  quit?: boolean;
  warnings?: boolean;
  time?: boolean;
  simulatedTime?: boolean;
  clickPath?: string;
  batch?: number;
  ports?: string[];
  cpu?: number;
  /** Write the plan to this file and stop. */
  planOnly?: string;
  /** Called when the router is initialised, before it runs. */
  onReady?: (router: Router) => void;
}

/** Compile, initialise, run until the driver stops, read the handlers. Returns the exit status. */
export async function runRouter(config: ConfigText, options: RunOptions): Promise<number> {
  const compiled = compilePlan(config.text, config.file, {
    variables: options.variables ?? {},
    resolveLibrary: libraryResolver(options.clickPath),
    batch: options.batch ?? 0,
  });
  if (options.planOnly) {
    writeFileSync(options.planOnly, compiled.plan);
    return EXIT.ok;
  }
  const router = await Router.create(compiled, {
    simulatedTime: options.simulatedTime ?? false,
    ...(options.ports ? { ports: options.ports } : {}),
  });
  if (options.warnings !== false) report(router.warnings);
  const started = process.hrtime.bigint();
  const usage = process.cpuUsage();
  if (!options.quit) {
    const stop = () => router.stop();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    options.onReady?.(router);
    await router.run(options.cpu);
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
  if (options.time) {
    const { user, system } = process.cpuUsage(usage);
    const real = Number(process.hrtime.bigint() - started) / 1e9;
    const clock = `${Math.floor(real / 60)}:${(real % 60).toFixed(2).padStart(5, '0')}`;
    message(`${(user / 1e6).toFixed(3)}u ${(system / 1e6).toFixed(3)}s ${clock}\n`);
  }
  const status = await printHandlers(router, options);
  router.close();
  return status;
}

/** Expand a handler word: `c.count`, or with a glob or a class name in front of the dot several. */
async function expandHandler(router: Router, word: string): Promise<string[]> {
  const dot = word.lastIndexOf('.');
  if (dot < 0) return [word];
  const element = word.slice(0, dot);
  const handler = word.slice(dot + 1);
  const elements = router.graph.elements;
  if (elements.some((e) => e.name === element)) return [word];
  const pattern = new RegExp(
    `^${element
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
  );
  const byName = elements.filter((e) => pattern.test(e.name));
  const found = byName.length ? byName : elements.filter((e) => pattern.test(e.className));
  return found.length && (found.length > 1 || element !== found[0]!.name)
    ? found.map((e) => `${e.name}.${handler}`)
    : [word];
}

async function printHandlers(router: Router, options: RunOptions): Promise<number> {
  const words = options.handlers ?? [];
  const names = (await Promise.all(words.map((w) => expandHandler(router, w)))).flat();
  const several = names.length > 1 || names.some((n, i) => n !== words[i]);
  let text = '';
  let status: number = EXIT.ok;
  for (const name of names) {
    try {
      const value = await router.read(name);
      text += several ? `${name}:\n${value}\n${value.endsWith('\n') ? '' : '\n'}` : value;
      if (!several && value && !value.endsWith('\n')) text += '\n';
    } catch (e) {
      if (!(e instanceof HandlerError)) throw e;
      message(`${e.message}\n`);
      status = EXIT.input;
    }
  }
  if (options.output && options.output !== '-') writeFileSync(options.output, text);
  else if (text) print(text);
  if (options.exitHandler) {
    const value = (await router.read(options.exitHandler)).trim();
    if (/^\d+$/.test(value)) return Math.min(Number(value), 255);
    if (value === 'true') return 0;
    return value === 'false' ? 1 : 255;
  }
  return status;
}
