/** `click-align`: the configuration with the Align elements it needs. */

import { classTable } from '../../engine/table.ts';
import { align } from '../../graph/passes/align.ts';
import { Diagnostics } from '../../lang/diagnostics.ts';
import { report } from '../output.ts';
import { readFlat, runTool, writeRouter } from './tool.ts';

void runTool(
  {
    name: 'click-align',
    about:
      'Adds the Align elements that a configuration needs on machines without unaligned access, and removes others.',
    without: ['clickpath'],
    options: [
      {
        id: 'assertions',
        long: 'assertions',
        negatable: true,
        help: 'Insert CheckAlign assertions, no Aligns.',
      },
      { id: 'driver', long: 'bsdmodule', short: 'b' },
      { id: 'driver', long: 'linuxmodule', short: 'l' },
      { id: 'driver', long: 'userlevel', short: 'u', help: 'Accepted; there is one driver.' },
      { id: 'verbose', long: 'verbose', short: 'V' },
    ],
  },
  (line) => {
    const { graph, archive } = readFlat(line);
    const diagnostics = new Diagnostics();
    const result = align(graph, { classes: classTable(), diagnostics, assertions: line.has('assertions') });
    report(diagnostics.list);
    writeRouter(line.output, result, archive);
    return 0;
  },
);
