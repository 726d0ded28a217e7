/** click-uncombine: one component out of a combined router, with its devices in place of RouterLinks. */

import { splitArgs, splitWords } from '../../lang/config-string.ts';
import type { FlatGraph } from '../flat-graph.ts';
import { type EditableElement, EditableGraph } from './editable.ts';

/** Take the component `name` (without slashes) out of a combined graph. */
export function uncombine(flat: FlatGraph, name: string, error: (message: string) => void): FlatGraph {
  const graph = new EditableGraph(flat);
  const ends = cutLinks(graph, name, error);
  const prefix = `${name}/`;
  const live = new Set(ends);
  for (const e of graph.elements) if (e.name.startsWith(prefix)) live.add(e);
  const queue = [...live];
  for (let e = queue.pop(); e; e = queue.pop())
    for (const next of [...graph.outOf(e).map((c) => c.to), ...graph.into(e).map((c) => c.from)])
      if (!live.has(next)) {
        live.add(next);
        queue.push(next);
      }
  for (const e of graph.elements) if (!live.has(e)) graph.remove(e);
  for (const e of graph.elements) {
    const inner = e.name.slice(prefix.length);
    if (e.name.startsWith(prefix) && !graph.byName(inner)) graph.rename(e, inner);
  }
  for (const e of graph.byClass('RouterLink')) {
    const args = splitArgs(e.config).map(({ text }) => text);
    e.config = args
      .map((text, i) => (i % 2 === 0 && text.startsWith(prefix) ? text.slice(prefix.length) : text))
      .join(', ');
  }
  return graph.toFlat();
}

/** Put devices back where links of the component were. Returns them, and links inside of the component. */
function cutLinks(
  graph: EditableGraph,
  component: string,
  error: (message: string) => void,
): EditableElement[] {
  const ends: EditableElement[] = [];
  for (const link of graph.byClass('RouterLink')) {
    const args = splitArgs(link.config).map(({ text }) => text);
    const [inputs, outputs] = [graph.inputs(link), graph.outputs(link)];
    const entries = args.filter((_, i) => i % 2 === 0).map((text) => splitWords(text));
    if (
      args.length !== 2 * (inputs + outputs) ||
      inputs === 0 ||
      outputs === 0 ||
      entries.some(({ length }) => length !== 3)
    ) {
      error(`RouterLink '${link.name}' has strange configuration`);
      continue;
    }
    if (!entries.some(([owner]) => owner === component)) {
      if (entries.some(([owner]) => owner!.startsWith(`${component}/`))) ends.push(link);
      continue;
    }
    for (const [i, [owner, name, className]] of entries.entries()) {
      if (graph.byName(`${owner}/${name}`)) {
        error(`RouterLink '${link.name}' element '${owner}/${name}' already exists`);
        continue;
      }
      if (owner !== component) continue;
      const element =
        graph.byName(name!) ??
        graph.add({
          name: name!,
          className: className!,
          config: args[2 * i + 1]!,
          landmark: '<click-uncombine>',
        });
      if (i < inputs) graph.insertBefore({ element, port: 0 }, { element: link, port: i });
      else graph.insertAfter({ element, port: 0 }, { element: link, port: i - inputs });
      ends.push(element);
    }
    graph.remove(link);
  }
  return ends;
}
