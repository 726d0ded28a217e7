/** `click-check`: is the configuration correct for the driver? */

import { type Configuration, ConfigurationError, checkArguments, compilePlan } from '../../engine/router.ts';
import type { Diagnostic } from '../../lang/diagnostics.ts';
import { libraryResolver } from '../load.ts';
import { message, report } from '../output.ts';
import { readRouter } from './read.ts';
import { flattenText, runTool, type ToolLine, writeRouter } from './tool.ts';

const FOREIGN = ['linuxmodule', 'bsdmodule'];

void runTool(
  {
    name: 'click-check',
    about: 'Checks a configuration for every mistake that can be found without running it.',
    options: [
      {
        id: 'filter',
        long: 'filter',
        short: 'p',
        help: 'If valid, write the configuration to standard output.',
      },
      { id: 'quiet', long: 'quiet', short: 'q', negatable: true, help: 'Say nothing if it is valid.' },
      { id: 'bsdmodule', long: 'bsdmodule', short: 'b', negatable: true },
      { id: 'linuxmodule', long: 'linuxmodule', short: 'l', negatable: true },
      { id: 'linuxmodule', long: 'kernel', short: 'k', negatable: true },
      {
        id: 'userlevel',
        long: 'userlevel',
        short: 'u',
        negatable: true,
        help: 'Check for the user-level driver (the only one).',
      },
    ],
  },
  (line) => {
    const router = readRouter(line.source ?? {});
    const { graph, archive } = flattenText(router, line);
    let failed = false;
    for (const driver of FOREIGN) {
      if (!line.has(driver)) continue;
      message(`${router.file}: Click compiled without support for ${driver} driver\n`);
      failed = true;
    }
    if (asksFor(line, 'userlevel') && !check(router.text, router.file, line)) failed = true;
    if (failed) return 1;
    const output = line.has('filter') ? '-' : line.output;
    if (output !== undefined) writeRouter(output, graph, archive);
    else if (!line.has('quiet') && asksFor(line, 'userlevel'))
      message(`${router.file}: configuration OK in userlevel driver\n`);
    return 0;
  },
);

/** Without a driver on the command line all there are are checked. */
function asksFor(line: ToolLine, driver: string): boolean {
  const named = [...FOREIGN, driver].some((id) => line.given.some((option) => option.id === id));
  return named ? line.has(driver) : true;
}

function check(text: string, file: string, line: ToolLine): boolean {
  let compiled: Configuration;
  try {
    compiled = compilePlan(text, file, {
      variables: line.variables,
      resolveLibrary: libraryResolver(line.clickPath),
    });
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    report(e.diagnostics);
    return false;
  }
  // The reference does not look at arguments here, and what is wrong with them may be right on another host (the
  // address of a device, say): `click` and `clicklet check` are strict.
  const args = checkArguments(compiled).map((d): Diagnostic => ({ ...d, severity: 'warning' }));
  report([...compiled.warnings, ...args]);
  return true;
}
