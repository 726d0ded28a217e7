/** `click-undead`: the configuration without dead code. */

import { classTable } from '../../engine/table.ts';
import { undead } from '../../graph/passes/undead.ts';
import { Diagnostics } from '../../lang/diagnostics.ts';
import { message, report } from '../output.ts';
import { readFlat, runTool, writeRouter } from './tool.ts';

void runTool(
  {
    name: 'click-undead',
    about:
      'Removes dead code: elements between no packet source and packet sink, and redundant ones such as Null and StaticSwitch.',
    options: [
      { id: 'kernel', long: 'kernel', short: 'k', negatable: true, help: 'Accepted; there is one driver.' },
      { id: 'user', long: 'user', short: 'u', negatable: true, help: 'Accepted; there is one driver.' },
      {
        id: 'config',
        long: 'config',
        short: 'c',
        negatable: true,
        help: 'Write the configuration only, never an archive.',
      },
      { id: 'verbose', long: 'verbose', short: 'V', negatable: true, help: 'Say what is removed, and why.' },
    ],
  },
  (line) => {
    const { graph, archive } = readFlat(line);
    const diagnostics = new Diagnostics();
    const result = undead(graph, { classes: classTable(), diagnostics, verbose: line.has('verbose') });
    report(diagnostics.list);
    if (!result) {
      message('click-undead: warning: no live elements in configuration\n');
      return 1;
    }
    writeRouter(line.output, result, line.has('config') ? [] : archive);
    return 0;
  },
);
