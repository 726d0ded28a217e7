/** Tools whose work the engine does itself: they read, flatten and write the configuration. */

import { CliError } from '../output.ts';
import { readFlat, runTool, type Tool, writeRouter } from './tool.ts';

export async function passThrough(tool: Tool): Promise<void> {
  await runTool(tool, (line) => {
    if (line.has('source'))
      throw new CliError('there is no source code to write: the engine compiles by itself');
    const { graph, archive } = readFlat(line);
    writeRouter(line.output, graph, line.has('config') ? [] : archive);
    return 0;
  });
}
