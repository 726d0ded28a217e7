/** The examples of elements' documentation: how every class is configured. */

import { elementDocumentation } from '../../src/cli/explain.ts';
import { compilePlan } from '../../src/engine/router.ts';
import type { ElementClass } from '../../src/graph/class-table.ts';
import type { ResolvedElement } from '../../src/graph/resolved-graph.ts';

export interface Example {
  /** A complete configuration. */
  readonly text: string;
  /** The element that it is an example of. */
  readonly element: ResolvedElement;
}

/** The configuration behind "Example:" in an element's documentation. Throws if there is none or it is another's. */
export function exampleOf(c: ElementClass): Example {
  const documentation = elementDocumentation(c.file);
  const at = documentation.search(/^Examples?:/m);
  if (at < 0) throw new Error(`${c.file} has no example`);
  const rest = documentation.slice(at);
  const text = /```[a-z]*\n([\s\S]*?)```/.exec(rest)?.[1] ?? /`([^`]+)`/.exec(rest)?.[1] ?? '';
  const { elements } = compilePlan(text, `${c.name}.click`).graph;
  const element =
    elements.find((e) => e.className === c.name) ?? elements.find((e) => e.class.file === c.file);
  if (!element) throw new Error(`the example of ${c.name} does not use it`);
  return { text, element };
}

/** What must be behind an element's outputs. */
const BEHIND: Record<string, string> = { AdaptiveRED: '-> Queue(50) ', RED: '-> Queue(50) ' };

/** Statements that connect the outputs of the element `name`. */
export const sinks = (e: ResolvedElement, name: string): string[] =>
  [...e.outputs.keys()].map((o) => `${name} [${o}] ${BEHIND[e.className] ?? ''}-> Discard;`);

/** Files of elements that open devices or sockets of the host when they are initialised. */
export const HOST_ONLY =
  /^elements\/device\/|\/(kernel|fromhost|tohost|raw|fromraw|toraw|mcast|uml|control|chatter|\w*socket)\w*\.c$/;
