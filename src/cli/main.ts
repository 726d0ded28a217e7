/** `clicklet`: one command, one file for each verb. */

import { Command } from 'commander';
import { version } from '../engine/paths.ts';
import { alignCommand } from './align.ts';
import { benchCommand } from './bench.ts';
import { benchSuiteCommand } from './bench-suite.ts';
import { bootCommand } from './boot.ts';
import { buildCommand } from './build.ts';
import { checkCommand } from './check.ts';
import { combineCommand } from './combine.ts';
import { consoleCommand } from './console.ts';
import { downCommand } from './down.ts';
import { eventsCommand } from './events.ts';
import { explainCommand } from './explain.ts';
import { flattenCommand } from './flatten.ts';
import { fmtCommand } from './fmt.ts';
import { fuseVerb } from './fuse.ts';
import { graphCommand } from './graph.ts';
import { logsCommand } from './logs.ts';
import { EXIT, message, print, runCommand } from './output.ts';
import { parkCommand, wakeCommand } from './park.ts';
import { pktgenCommand } from './pktgen.ts';
import { prettyCommand } from './pretty.ts';
import { psCommand } from './ps.ts';
import { runVerb } from './run.ts';
import { cloneCommand, restoreCommand, snapshotCommand } from './snapshot.ts';
import { uncombineCommand } from './uncombine.ts';
import { undeadCommand } from './undead.ts';
import { upCommand } from './up.ts';
import {
  handlerCommand,
  pauseCommand,
  resumeCommand,
  rmCommand,
  statsCommand,
  stopCommand,
  swapCommand,
} from './vm-verbs.ts';
import { xformCommand } from './xform.ts';

const program = new Command('clicklet')
  .description('Click routers as tiny virtual machines')
  .version(version)
  .addHelpText(
    'after',
    '\nExit status: 0 done, 1 configuration or input wrong, 2 usage, 3 the host lacks something, 4 a gate failed',
  );

const VERBS = [
  runVerb,
  checkCommand,
  flattenCommand,
  graphCommand,
  prettyCommand,
  fmtCommand,
  undeadCommand,
  alignCommand,
  combineCommand,
  uncombineCommand,
  xformCommand,
  explainCommand,
  fuseVerb,
  buildCommand,
  bootCommand,
  psCommand,
  logsCommand,
  consoleCommand,
  eventsCommand,
  handlerCommand,
  swapCommand,
  statsCommand,
  pauseCommand,
  resumeCommand,
  snapshotCommand,
  restoreCommand,
  cloneCommand,
  parkCommand,
  wakeCommand,
  stopCommand,
  rmCommand,
  upCommand,
  downCommand,
  benchCommand,
  benchSuiteCommand,
  pktgenCommand,
];
for (const verb of VERBS) program.addCommand(verb());
for (const command of [program, ...program.commands])
  command.exitOverride().configureOutput({ writeOut: print, writeErr: message });

await runCommand('clicklet', async () => {
  try {
    await program.parseAsync();
  } catch (e) {
    const { code, exitCode } = e as { code?: string; exitCode?: number };
    if (!code?.startsWith('commander.')) throw e;
    return exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return Number(process.exitCode ?? EXIT.ok);
});
