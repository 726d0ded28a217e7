/**
 * Which engine thread has which element. Elements that only count are on every thread that packets bring to them, each
 * with its own copy (`perThread` in the class table); all others are on one. Where a push connection leaves its thread,
 * packets are handed over; a pull connection never does.
 */

import type { FlatConnection } from '../graph/flat-graph.ts';
import type { ResolvedElement, ResolvedGraph } from '../graph/resolved-graph.ts';
import { Diagnostics } from '../lang/diagnostics.ts';

/** Bits in a plan's element entry. */
export const MAX_THREADS = 16;

export interface ThreadPlan {
  /** Engine threads. */
  readonly count: number;
  /** For each element the threads that have it, a bit each. */
  readonly masks: readonly number[];
  /** Connections along which packets change threads. */
  readonly crossings: readonly FlatConnection[];
  readonly diagnostics: Diagnostics;
}

/**
 * Assigns elements to threads. With `spread` tasks that no StaticThreadSched names are dealt out in turn; without,
 * they are on thread 0, as in Click, unless there is a BalancedThreadSched.
 */
export function assignThreads(graph: ResolvedGraph, count: number, spread: boolean): ThreadPlan {
  return new Assignment(graph, count, spread).run();
}

/** Arguments that have an element act at a number of packets, which copies would not come to. */
const COUNTS_FOR = /^\s*(BYTE_)?COUNT_CALL\b/;

/** Elements that are one thread's, all together. */
interface Group {
  readonly members: number[];
  thread: number | undefined;
  /** The element that was pinned. */
  pinned?: ResolvedElement;
}

/** What a StaticThreadSched says of an element. */
interface Pin {
  readonly element: number;
  readonly thread: number;
  readonly by: ResolvedElement;
}

class Assignment {
  readonly #graph: ResolvedGraph;
  readonly #count: number;
  readonly #spread: boolean;
  readonly #diagnostics = new Diagnostics();
  readonly #byName: ReadonlyMap<string, number>;
  readonly #parent: number[];
  /** Elements that may be copied. */
  readonly #free: boolean[];
  readonly #pushes: FlatConnection[];
  /** Push connections by the element they come from, and by the one they lead to. */
  readonly #from: FlatConnection[][];
  readonly #to: FlatConnection[][];

  constructor(graph: ResolvedGraph, count: number, spread: boolean) {
    this.#graph = graph;
    this.#count = count;
    this.#spread =
      spread || graph.elements.some((e) => (e.class.aliasOf ?? e.class.name) === 'BalancedThreadSched');
    this.#byName = new Map(graph.elements.map((e, i) => [e.name, i]));
    this.#parent = graph.elements.map((_, i) => i);
    this.#free = graph.elements.map(
      ({ class: c, inputs, outputs, args }) =>
        c.perThread === true &&
        ![...inputs, ...outputs].includes('pull') &&
        !args.some(({ text }) => COUNTS_FOR.test(text)),
    );
    this.#pushes = graph.connections.filter((c) => graph.elements[c.from]!.outputs[c.fromPort] === 'push');
    this.#from = graph.elements.map(() => []);
    this.#to = graph.elements.map(() => []);
    for (const c of this.#pushes) {
      this.#from[c.from]!.push(c);
      this.#to[c.to]!.push(c);
    }
  }

  run(): ThreadPlan {
    this.#joinPulls();
    this.#joinReferences();
    this.#joinDevices();
    this.#joinNeighbours();
    const pins = this.#pins();
    for (const { element } of pins) this.#free[element] = false;
    const groups = this.#groups();
    this.#pin(groups, pins);
    this.#start(groups);
    this.#follow(groups);
    const masks = this.#masks(groups);
    const crossings = this.#pushes.filter((c) => (masks[c.from]! & ~masks[c.to]!) !== 0);
    return { count: this.#count, masks, crossings, diagnostics: this.#diagnostics };
  }

  // ---- What belongs together

  #find(i: number): number {
    while (this.#parent[i] !== i) {
      this.#parent[i] = this.#parent[this.#parent[i]!]!;
      i = this.#parent[i]!;
    }
    return i;
  }

  #join(a: number, b: number): void {
    this.#free[a] = this.#free[b] = false;
    this.#parent[this.#find(b)] = this.#find(a);
  }

  #joinPulls(): void {
    const { elements, connections } = this.#graph;
    for (const c of connections)
      if (elements[c.from]!.outputs[c.fromPort] === 'pull') this.#join(c.from, c.to);
  }

  /** Elements that use others directly; handlers work across threads. */
  #joinReferences(): void {
    for (const [i, e] of this.#graph.elements.entries()) {
      if (!e.class.namesElements && !e.class.args.some(({ type }) => type === 'element')) continue;
      for (const { text } of e.args)
        for (const [word] of text.matchAll(/[\w@/]+/g)) {
          const named = this.#resolve(e, word);
          if (named !== undefined && named !== i) this.#join(i, named);
        }
    }
  }

  /** An element by its name as another one's arguments say it: the innermost scope first. */
  #resolve(from: ResolvedElement, name: string): number | undefined {
    for (let scope = from.name; scope.includes('/'); ) {
      scope = scope.slice(0, scope.lastIndexOf('/'));
      const found = this.#byName.get(`${scope}/${name}`);
      if (found !== undefined) return found;
    }
    return this.#byName.get(name);
  }

  #joinDevices(): void {
    const users = new Map<string, number>();
    for (const [i, e] of this.#graph.elements.entries()) {
      if (!/^(From|To|Poll)Device$/.test(e.class.aliasOf ?? e.class.name) || !e.args[0]) continue;
      const device = e.args[0].text;
      const other = users.get(device);
      if (other === undefined) users.set(device, i);
      else this.#join(other, i);
    }
  }

  /** Elements that look for queues around them, and what lies between. */
  #joinNeighbours(): void {
    for (const [i, e] of this.#graph.elements.entries()) {
      if (!e.class.looksAround) continue;
      const seen = new Set([i]);
      const walk = (at: number): void => {
        for (const c of this.#from[at]!) {
          if (seen.has(c.to)) continue;
          seen.add(c.to);
          const passed = this.#free[c.to]!;
          this.#join(i, c.to);
          if (passed) walk(c.to);
        }
      };
      walk(i);
    }
  }

  #groups(): Group[] {
    const groups = new Map<number, Group>();
    for (const i of this.#graph.elements.keys()) {
      if (this.#free[i]) continue;
      const root = this.#find(i);
      const group = groups.get(root);
      if (group) group.members.push(i);
      else groups.set(root, { members: [i], thread: undefined });
    }
    return [...groups.values()];
  }

  // ---- Where it goes

  /** What the StaticThreadSched elements say. */
  #pins(): Pin[] {
    return this.#graph.elements.flatMap((by) => {
      if (by.class.name !== 'StaticThreadSched') return [];
      return by.args.flatMap(({ text }) => {
        const [name, thread] = text.trim().split(/\s+/);
        const element = name === undefined ? undefined : this.#resolve(by, name);
        const n = Number(thread);
        if (!(n >= 0 && n < this.#count)) return []; // the element itself says so
        if (element !== undefined) return [{ element, thread: n, by }];
        const prefix = by.name.includes('/') ? by.name.slice(0, by.name.lastIndexOf('/') + 1) : '';
        return this.#graph.elements.flatMap((e, i) =>
          e.name.startsWith(`${prefix}${name}/`) ? [{ element: i, thread: n, by }] : [],
        );
      });
    });
  }

  #pin(groups: readonly Group[], pins: readonly Pin[]): void {
    const of = new Map(groups.flatMap((g) => g.members.map((m) => [m, g] as const)));
    for (const { element, thread, by } of pins) {
      const group = of.get(element)!;
      const { name } = this.#graph.elements[element]!;
      if (group.thread !== undefined && group.thread !== thread)
        this.#diagnostics.error(
          by.span,
          `'${name}' cannot run on thread ${thread}: '${group.pinned!.name}', which is pinned to thread ${group.thread}, must be on the same thread`,
        );
      else {
        group.thread = thread;
        group.pinned = this.#graph.elements[element]!;
      }
    }
  }

  /** Groups from which packets start: sources first, then what pulls. */
  #start(groups: readonly Group[]): void {
    const { elements } = this.#graph;
    const has = (g: Group, f: (e: ResolvedElement) => boolean) => g.members.some((m) => f(elements[m]!));
    const isSource = (e: ResolvedElement) => e.inputs.length === 0 && e.outputs.includes('push');
    const pulls = (e: ResolvedElement) => e.inputs.includes('pull');
    const sources = groups.filter((g) => has(g, isSource));
    const pullers = groups.filter((g) => !has(g, isSource) && has(g, pulls));
    if (!this.#spread) {
      for (const g of [...sources, ...pullers]) g.thread ??= 0;
    } else {
      const island = this.#islands();
      const islands = [...new Set(sources.map((g) => island(g.members[0]!)))];
      let next = 0;
      // Parts of the configuration that nothing connects stay whole if there are enough of them.
      const whole = islands.length >= this.#count;
      for (const g of [...sources, ...pullers])
        g.thread ??= (whole ? Math.max(islands.indexOf(island(g.members[0]!)), 0) : next++) % this.#count;
    }
    for (const g of groups) if (!has(g, (e) => e.inputs.length + e.outputs.length > 0)) g.thread ??= 0;
  }

  /** Which part of the configuration an element is in: parts are what nothing connects. */
  #islands(): (element: number) => number {
    const parent = [...this.#parent];
    const find = (i: number): number => {
      while (parent[i] !== i) {
        parent[i] = parent[parent[i]!]!;
        i = parent[i]!;
      }
      return i;
    };
    for (const { from, to } of this.#graph.connections) parent[find(from)] = find(to);
    return find;
  }

  /** The others: where their packets come from, or, if that is several threads, where they go to. */
  #follow(groups: readonly Group[]): void {
    for (;;) {
      const masks = this.#masks(groups);
      const waiting = groups.filter((g) => g.thread === undefined);
      if (waiting.length === 0) return;
      const from = (g: Group) =>
        g.members.reduce((m, i) => this.#to[i]!.reduce((k, c) => k | masks[c.from]!, m), 0);
      const known = waiting.filter((g) => from(g) !== 0);
      for (const g of known.length > 0 ? known : waiting) {
        const threads = from(g);
        const one = threads !== 0 && (threads & (threads - 1)) === 0;
        const next = one ? undefined : this.#next(g, groups);
        g.thread = next ?? (threads === 0 ? 0 : 31 - Math.clz32(threads & -threads));
      }
    }
  }

  /** The thread of the groups that packets reach behind this one, if it is one thread. */
  #next(group: Group, groups: readonly Group[]): number | undefined {
    const of = new Map(groups.flatMap((g) => g.members.map((m) => [m, g] as const)));
    const seen = new Set(group.members);
    const found = new Set<number>();
    const walk = (at: number): void => {
      for (const c of this.#from[at]!) {
        if (seen.has(c.to)) continue;
        seen.add(c.to);
        const thread = of.get(c.to)?.thread;
        if (thread !== undefined) found.add(thread);
        else walk(c.to);
      }
    };
    for (const m of group.members) walk(m);
    return found.size === 1 ? [...found][0] : undefined;
  }

  /** With what is known so far. */
  #masks(groups: readonly Group[]): number[] {
    const { elements } = this.#graph;
    const all = 2 ** this.#count - 1;
    const masks = elements.map(({ inputs, outputs }, i) =>
      this.#free[i] && inputs.length + outputs.length === 0 ? all : 0,
    );
    for (const g of groups) for (const m of g.members) masks[m] = g.thread === undefined ? 0 : 1 << g.thread;
    for (let changed = true; changed; ) {
      changed = false;
      for (const { from, to } of this.#pushes) {
        if (!this.#free[to] || (masks[from]! & ~masks[to]!) === 0) continue;
        masks[to]! |= masks[from]!;
        changed = true;
      }
    }
    return groups.some((g) => g.thread === undefined) ? masks : masks.map((m) => m || 1);
  }
}
