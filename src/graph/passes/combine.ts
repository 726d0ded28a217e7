/**
 * click-combine: routers become one, each under its name, and devices that are linked become RouterLink elements.
 * click-uncombine, the way back, is in uncombine.ts.
 */

import { splitArgs } from '../../lang/config-string.ts';
import type { FlatGraph } from '../flat-graph.ts';
import { type EditableElement, EditableGraph } from './editable.ts';

export interface Component {
  readonly name: string;
  readonly graph: FlatGraph;
}

/** An end of a link: an element of a component, by index. */
export interface LinkEnd {
  readonly component: number;
  readonly element: number;
}

export interface Link {
  readonly from: LinkEnd;
  readonly to: LinkEnd;
}

export interface CombineMessages {
  error(message: string): void;
  warning(message: string): void;
}

const LINK = /^\s*([^\s.=]+)\s*\.\s*([^\s.=]+)\s*=\s*([^\s.=]+)\s*\.\s*([^\s.=]+)\s*$/;

/** Read a link `NAME1.COMP1=NAME2.COMP2`; each COMP is an element or a device. Undefined after an error. */
export function parseLink(
  text: string,
  components: readonly Component[],
  say: CombineMessages,
): Link | undefined {
  const words = LINK.exec(text);
  if (!words) {
    say.error(`bad link definition '${text}'`);
    return undefined;
  }
  const [, fromRouter, fromName, toRouter, toName] = words as unknown as string[];
  const from = findEnd(components, fromRouter!, fromName!, ['ToDevice'], say);
  const to = findEnd(components, toRouter!, toName!, ['FromDevice', 'PollDevice'], say);
  return from && to ? { from, to } : undefined;
}

function findEnd(
  components: readonly Component[],
  router: string,
  name: string,
  deviceClasses: readonly string[],
  say: CombineMessages,
): LinkEnd | undefined {
  const component = components.map((c) => c.name).lastIndexOf(router);
  if (component < 0) {
    say.error(`no router named '${router}'`);
    return undefined;
  }
  const { elements } = components[component]!.graph;
  let element = elements.find((e) => e.name === name);
  if (!element) {
    const devices = elements.filter((e) => deviceClasses.includes(e.className) && e.args[0]?.text === name);
    if (devices.length > 1) {
      const shown = deviceClasses.map((className) => `'${className}(${name})'`).join(' or ');
      say.error(`more than one ${shown} element in router '${router}'`);
    } else element = devices[0];
  }
  if (!element) {
    say.error(`router '${router}' has no element or device named '${name}'`);
    return undefined;
  }
  if (!deviceClasses.includes(element.className)) {
    say.warning(
      `router '${router}' element '${name}' has unexpected class\n  expected ${deviceClasses.join(' or ')}, got ${element.className}`,
    );
  }
  return { component, element: element.index };
}

/** Put components together. Undefined after an error. */
export function combine(
  components: readonly Component[],
  links: readonly Link[],
  say: CombineMessages,
): FlatGraph | undefined {
  const groups = groupLinks(components, links, say);
  if (!groups) return undefined;
  const combined = new EditableGraph();
  const copies = components.map(({ name, graph }) => {
    const elements = graph.elements.map((e) =>
      combined.add({
        name: `${name}/${e.name}`,
        className: e.className,
        config: e.className === 'RouterLink' ? nestLink(name, e.configText) : e.configText,
        landmark: e.landmark,
        span: e.span,
      }),
    );
    for (const { from, fromPort, to, toPort } of graph.connections)
      combined.connect(
        { element: elements[from]!, port: fromPort },
        { element: elements[to]!, port: toPort },
      );
    combined.requirements.push(...graph.requirements);
    return elements;
  });
  for (const [i, { from, to }] of groups.entries()) {
    const ends = [...from, ...to].map((end) => copies[end.component]![end.element]!);
    addLink(combined, `link${i + 1}`, ends, from.length, (e) => ownerOf(e, components));
  }
  return combined.toFlat();
}

/** Links that share an end belong together: lists of sources and of destinations, each end once. */
function groupLinks(
  components: readonly Component[],
  links: readonly Link[],
  say: CombineMessages,
): { from: LinkEnd[]; to: LinkEnd[] }[] | undefined {
  let bad = false;
  for (const [i, { from, to }] of links.entries())
    for (const earlier of links.slice(0, i)) {
      if (!same(from, earlier.to) && !same(earlier.from, to)) continue;
      const { name, graph } = components[from.component]!;
      say.error(
        `router '${name}' element '${graph.elements[from.element]!.name}' used as both source and destination`,
      );
      bad = true;
    }
  if (bad) return undefined;
  const ids = links.map((_, i) => i);
  for (let done = false; !done; ) {
    done = true;
    for (const [i, a] of links.entries())
      for (const [j, b] of links.slice(0, i).entries()) {
        if (ids[i] === ids[j] || !(same(a.from, b.from) || same(a.to, b.to))) continue;
        ids[i] = ids[j]!;
        done = false;
      }
  }
  return [...new Set(ids)].map((id) => {
    const members = links.filter((_, i) => ids[i] === id);
    return { from: unique(members.map((l) => l.from)), to: unique(members.map((l) => l.to)) };
  });
}

function same(a: LinkEnd, b: LinkEnd): boolean {
  return a.component === b.component && a.element === b.element;
}

function unique(ends: readonly LinkEnd[]): LinkEnd[] {
  return ends.filter((end, i) => ends.findIndex((other) => same(end, other)) === i);
}

/** The component an element was copied from, and its name there. */
function ownerOf(e: EditableElement, components: readonly Component[]): readonly [string, string] {
  const owner = components
    .filter(({ name }) => e.name.startsWith(`${name}/`))
    .find(({ name, graph }) => graph.elements.some((x) => x.name === e.name.slice(name.length + 1)))!;
  return [owner.name, e.name.slice(owner.name.length + 1)];
}

/** One RouterLink in place of devices: sources first. Its arguments say what was there, two for each. */
function addLink(
  graph: EditableGraph,
  name: string,
  ends: readonly EditableElement[],
  sources: number,
  owner: (e: EditableElement) => readonly [component: string, name: string],
): void {
  const args = ends.flatMap((e) => [`${owner(e).join(' ')} ${e.className}`, e.config]);
  const link = graph.add({
    name,
    className: 'RouterLink',
    config: args.join(', '),
    landmark: '<click-combine>',
  });
  for (const [i, element] of ends.entries()) {
    if (i < sources) graph.insertBefore({ element: link, port: i }, { element, port: 0 });
    else graph.insertAfter({ element: link, port: i - sources }, { element, port: 0 });
    graph.remove(element);
  }
}

/** A RouterLink of a component that was combined itself: its components are a level deeper now. */
function nestLink(component: string, config: string): string {
  const args = splitArgs(config).map(({ text }) => text);
  return args.map((text, i) => (i % 2 === 0 ? `${component}/${text}` : text)).join(', ');
}
