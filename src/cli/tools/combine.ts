/** `click-combine`: several routers in one, linked at their devices. */

import {
  type CombineMessages,
  type Component,
  combine,
  type Link,
  parseLink,
} from '../../graph/passes/combine.ts';
import { CliError, message } from '../output.ts';
import type { ArchiveMember } from './archive.ts';
import { archiveOf } from './combine-archive.ts';
import { type RouterSource, readRouter } from './read.ts';
import { flattenText, runTool, writeRouter } from './tool.ts';

void runTool(
  {
    name: 'click-combine',
    about:
      'Combines several configurations into one, linked at their network devices. click-uncombine takes it apart.',
    operands: '[ROUTERFILE | ROUTERNAME=FILE | LINKSPEC]...',
    without: ['clickpath'],
    words: 'all',
    options: [
      {
        id: 'name',
        long: 'name',
        short: 'n',
        value: 'string',
        placeholder: 'NAME',
        help: 'The next component is called NAME.',
      },
      {
        id: 'link',
        long: 'link',
        short: 'l',
        value: 'string',
        placeholder: 'LINKSPEC',
        help: 'Add a link NAME1.COMP1=NAME2.COMP2; COMP is an element or a device.',
      },
      { id: 'config', long: 'config', short: 'c', help: 'Write the configuration only, no archive.' },
    ],
  },
  (line) => {
    const components: (Component & { archive: ArchiveMember[] })[] = [];
    const linkTexts: string[] = [];
    let failed = false;
    const say: CombineMessages = {
      error: (text) => {
        message(`click-combine: ${text}\n`);
        failed = true;
      },
      warning: (text) => message(`click-combine: warning: ${text}\n`),
    };
    let nextName: string | undefined;
    let number = 1;
    const component = (source: RouterSource, name?: string) => {
      if (name !== undefined && nextName !== undefined)
        say.warning(`router name specified twice ('${nextName}' and '${name}')`);
      const chosen = nextName ?? name ?? String(number);
      if (!/^[\w@]+(\/[\w@]+)*$/.test(chosen))
        say.error(`router name '${chosen}' is not a legal Click identifier`);
      components.push({
        name: chosen,
        ...flattenText(readRouter(source), { variables: {}, clickPath: undefined }),
      });
      nextName = undefined;
      number++;
    };
    for (const { id, value = '' } of line.given) {
      if (id === 'file') component({ file: value });
      else if (id === 'expression') component({ expression: value });
      else if (id === 'link') linkTexts.push(value);
      else if (id === 'name') {
        if (nextName !== undefined) say.warning('router name specified twice');
        nextName = value;
      } else if (id === undefined) {
        const [, name, separator, rest] = /^([^:=]*)([:=])(.*)$/s.exec(value) ?? [];
        if (name === undefined) component({ file: value });
        else if (separator === '=' && name.includes('.')) linkTexts.push(value);
        else component({ file: rest! }, name);
      }
    }
    if (components.length === 0) throw new CliError('no routers specified');
    for (const [i, { name }] of components.entries())
      if (components.slice(0, i).some((c) => c.name === name))
        throw new CliError(`two routers named '${name}'`);
    const links = linkTexts
      .map((text) => parseLink(text, components, say))
      .filter((link): link is Link => link !== undefined);
    if (failed) return 1;
    if (links.length === 0) message('warning: no links between routers\n');
    const combined = combine(components, links, say);
    if (!combined) return 1;
    if (line.has('config')) writeRouter(line.output, combined);
    else writeRouter(line.output, combined, archiveOf(components, links.length > 0));
    return 0;
  },
);
