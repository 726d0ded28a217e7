/** `clicklet`: one command, one file for each verb. */

import { Command } from 'commander';
import { version } from '../engine/paths.ts';
import { checkCommand } from './check.ts';
import { explainCommand } from './explain.ts';
import { flattenCommand } from './flatten.ts';
import { EXIT, runCommand } from './output.ts';
import { runVerb } from './run.ts';

const program = new Command('clicklet')
  .description('Click routers as tiny virtual machines')
  .version(version)
  .addHelpText('after', '\nExit status: 0 done, 1 configuration or input wrong, 2 usage, 3 the host lacks something, 4 a gate failed');

for (const verb of [runVerb, checkCommand, flattenCommand, explainCommand]) program.addCommand(verb());
program.exitOverride();
for (const command of program.commands) command.exitOverride();

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
