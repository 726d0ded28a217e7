/** One entry of an element list while its statement is being declared. */

import type { ElementNode, PortList } from '../lang/ast.ts';
import type { Endpoint } from './connect.ts';
import type { ElementType } from './scope.ts';

export interface Item {
  node: ElementNode;
  /** Name of the existing or new element, or of the class of an anonymous one. */
  name: string;
  /** Class of an anonymous element: the entry is a class name or an inline compound. */
  type: ElementType | undefined;
  /** Class after `::`. */
  declared: ElementType | undefined;
  /** Nothing but a name. */
  bare: boolean;
  config: ElementNode['config'];
  /** Element index, known early for groups and implicit pseudoelements. */
  index: number | undefined;
  inputs: PortList | undefined;
  outputs: PortList | undefined;
  /** Ports of a group, used where none are written. */
  groupPorts: { inputs: number; outputs: number } | undefined;
}

export function newItem(node: ElementNode): Item {
  return {
    node,
    name: '',
    type: undefined,
    declared: undefined,
    bare: false,
    config: node.config,
    index: undefined,
    inputs: node.inputs,
    outputs: node.outputs,
    groupPorts: undefined,
  };
}

/** In a plain `a, b, c :: Class(config)` the class and configuration hold for all names. */
export function spreadDeclaration(items: readonly Item[]): void {
  const final = items.at(-1);
  if (items.length < 2 || !final?.declared) return;
  if (items.some((item) => item.inputs || item.outputs || item.groupPorts)) return;
  if (items.slice(0, -1).some((item) => !item.bare)) return;
  for (const item of items) {
    item.declared = final.declared;
    item.config = final.config;
  }
}

/** The outgoing side of an entry. */
export function outputEnd(item: Item): Endpoint {
  return { element: item.index!, ports: item.outputs ?? groupPortList(item.groupPorts?.outputs) };
}

/** The incoming side of an entry. */
export function inputEnd(item: Item): Endpoint {
  return { element: item.index!, ports: item.inputs ?? groupPortList(item.groupPorts?.inputs) };
}

/** A group without written ports offers all of its own. */
function groupPortList(count: number | undefined): Endpoint['ports'] {
  return count ? { ports: Array.from({ length: count }, (_, port) => port), open: false } : undefined;
}
