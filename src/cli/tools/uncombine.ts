/** `click-uncombine`: one component of what click-combine made. */

import { uncombine } from '../../graph/passes/uncombine.ts';
import { CliError, message } from '../output.ts';
import { newMember } from './archive.ts';
import { OptionError } from './clp.ts';
import { decode, sourceName } from './read.ts';
import { readFlat, runTool, writeRouter } from './tool.ts';

void runTool(
  {
    name: 'click-uncombine',
    about: 'Takes one component out of a configuration that click-combine made.',
    operands: '[ROUTERFILE [COMPONENTNAME]]',
    without: ['clickpath', 'expression'],
    words: 'all',
    options: [
      {
        id: 'name',
        long: 'name',
        short: 'n',
        value: 'string',
        placeholder: 'NAME',
        help: 'Write the component NAME.',
      },
    ],
  },
  (line) => {
    let component: string | undefined;
    const name = (value: string) => {
      if (component !== undefined) throw new OptionError('component name specified twice');
      component = value;
    };
    for (const { id, value = '' } of line.given) {
      if (id === 'name') name(value);
      else if (id === undefined && line.source) name(value);
      else if (line.source) throw new OptionError('combined router specified twice');
      else line.source = { file: value };
    }
    const router = readFlat(line);
    const file = sourceName(line.source ?? {});
    const map = router.archive.find((member) => member.name === 'componentmap');
    if (!map) throw new CliError(`${file}: not created by 'click-combine' (no 'componentmap')`);
    if (!component) throw new CliError('no component specified');
    let failed = false;
    let { graph } = router;
    let names = decode(map.data).split(/\s+/).filter(Boolean);
    let path = '';
    // One level after the other.
    for (const part of component.split('/')) {
      path += `${path === '' ? '' : '/'}${part}`;
      if (!names.includes(part)) throw new CliError(`${file}: no '${path}' component`);
      graph = uncombine(graph, part, (text) => {
        message(`click-uncombine: ${text}\n`);
        failed = true;
      });
      names = names.filter((n) => n.startsWith(`${part}/`)).map((n) => n.slice(part.length + 1));
    }
    if (failed) return 1;
    const others = router.archive.filter((member) => member.name !== 'componentmap');
    const left = names.length ? [newMember('componentmap', names.map((n) => `${n}\n`).join(''))] : [];
    writeRouter(line.output, graph, [...others, ...left]);
    return 0;
  },
);
