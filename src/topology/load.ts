/** Reading a topology file: everything that can be wrong is found, each with its place, before anything starts. */

import { readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { type Configuration, ConfigurationError, checkArguments, compilePlan } from '../engine/router.ts';
import { Diagnostics, type Note } from '../lang/diagnostics.ts';
import type { Span } from '../lang/source.ts';
import { parsePort, portProblem } from '../vm/ports.ts';
import { digestOf } from '../vm/registry.ts';
import { readSize } from '../vm/size.ts';
import type { VmmChoice } from '../vm/vmm.ts';
import { devicesOf } from './devices.ts';
import { LocatedDocument, reportIssues } from './document.ts';
import { checkTaps } from './load-taps.ts';
import { type TopologyFile, topologySchema } from './schema.ts';
import { wireName } from './state.ts';
import { compileSwitch } from './switches.ts';

const PORTS = ['tap', 'vhost-user', 'switch', 'link'];
const DEFAULT_MEM = '5M';

export interface TopologyRouter {
  name: string;
  /** The configuration's file, as it was found. */
  file: string;
  /** Its variables. */
  vars: Record<string, string>;
  configuration: Configuration;
  memBytes: number;
  /** As in the file, with `%n` replaced. */
  ports: string[];
  cpu: number | undefined;
  vmm: VmmChoice;
  /** Seconds; undefined: never. */
  parkAfterS: number | undefined;
  /** Of all that the router is booted with. */
  digest: string;
  /** Its place in the topology file. */
  span: Span;
}

export interface TopologySwitch {
  name: string;
  kind: 'switch' | 'wire';
  config?: { file: string; text: string };
}

export interface TopologyTap {
  name: string;
  netns?: string;
  address?: string;
  gateway?: string;
}

export interface Topology {
  name: string;
  /** Absolute. */
  file: string;
  routers: TopologyRouter[];
  switches: TopologySwitch[];
  taps: TopologyTap[];
}

const KEYS: Record<string, string[]> = {
  '': ['name', 'routers', 'switches', 'taps'],
  routers: ['config', 'mem', 'vars', 'ports', 'cpu', 'vmm', 'park-after', 'replicas'],
  switches: ['config'],
  taps: ['netns', 'address', 'gateway'],
};

export interface LoadOptions {
  /** Names of interfaces of this host that are TAPs; overridden in tests. */
  isTap?: (name: string) => boolean;
  resolveLibrary?: Parameters<typeof compilePlan>[2] extends infer T
    ? T extends { resolveLibrary?: infer R }
      ? R
      : never
    : never;
}

/** Throws ConfigurationError with every mistake of the file and of the configurations it names. */
export function loadTopology(file: string, text: string, options: LoadOptions = {}): Topology {
  const diagnostics = new Diagnostics();
  const document = new LocatedDocument(text, file);
  const content = document.read(diagnostics);
  if (content === undefined && diagnostics.hasErrors) throw new ConfigurationError(diagnostics.list);
  const parsed = topologySchema.safeParse(content ?? undefined);
  if (!parsed.success) {
    const known = (path: readonly (string | number)[]) => KEYS[String(path[0] ?? '')] ?? [];
    reportIssues(parsed.error.issues, document, known, diagnostics);
  }
  const loader = new Loader(file, parsed.data ?? wellFormed(content), document, diagnostics, options);
  const topology = loader.load(parsed.success);
  if (diagnostics.hasErrors) throw new ConfigurationError(sorted(diagnostics));
  return topology;
}

/** What of a malformed file can be looked at nevertheless, so that all mistakes are reported at once. */
function wellFormed(content: unknown): TopologyFile {
  const part = (key: 'routers' | 'switches') => {
    const all = (content as Record<string, unknown> | null)?.[key];
    const entries = typeof all === 'object' && all !== null ? Object.entries(all) : [];
    return Object.fromEntries(
      entries.filter(([name, value]) => topologySchema.shape[key].safeParse({ [name]: value }).success),
    );
  };
  return { routers: part('routers'), switches: part('switches') } as TopologyFile;
}

function sorted(diagnostics: Diagnostics) {
  diagnostics.sort();
  return diagnostics.list;
}

/** The name of a topology that does not say one. */
function defaultName(file: string): string {
  const path = resolve(file);
  const base = basename(path).replace(/\.ya?ml$/, '');
  const name = base === 'clicklet' ? basename(dirname(path)) : base;
  return (
    name
      .replace(/[^A-Za-z0-9_.-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 58) || 'topology'
  );
}

/** A file named in the topology file is meant from there. */
const resolvePath = (topology: string, file: string): string =>
  isAbsolute(file) ? file : join(dirname(topology), file);

class Loader {
  readonly #file: string;
  readonly #data: TopologyFile;
  readonly #document: LocatedDocument;
  readonly #diagnostics: Diagnostics;
  readonly #options: LoadOptions;
  /** Compiled once for all routers that differ in nothing that matters for it. */
  readonly #compiled = new Map<string, Configuration | undefined>();
  readonly #names = new Map<string, Span>();
  /** Ports by what they attach to. */
  readonly #ends = new Map<string, Span[]>();

  constructor(
    file: string,
    data: TopologyFile,
    document: LocatedDocument,
    diagnostics: Diagnostics,
    options: LoadOptions,
  ) {
    this.#file = file;
    this.#data = data;
    this.#document = document;
    this.#diagnostics = diagnostics;
    this.#options = options;
  }

  /** `whole`: nothing was left out, so that what is missing is missing. */
  load(whole: boolean): Topology {
    const data = this.#data;
    const name = data.name ?? defaultName(this.#file);
    const routers = Object.keys(data.routers).flatMap((key) => this.#router(key));
    if (whole && Object.keys(data.routers).length === 0)
      this.#diagnostics.error(this.#document.key(['routers']), 'the topology has no routers');
    const switches = this.#switches(name, routers);
    const taps = Object.entries(data.taps ?? {}).map(([tap, v]) => ({ name: tap, ...v }) as TopologyTap);
    if (whole) checkTaps(taps, this.#ends, this.#document, this.#diagnostics, this.#options.isTap);
    if (whole) this.#checkEnds();
    return { name, file: resolve(this.#file), routers, switches, taps };
  }

  #claim(name: string, span: Span): void {
    const before = this.#names.get(name);
    if (before)
      this.#diagnostics.error(span, `the name '${name}' is used twice`, [
        { message: 'here first', span: before },
      ]);
    else this.#names.set(name, span);
  }

  #router(key: string): TopologyRouter[] {
    const r = this.#data.routers[key]!;
    const path = ['routers', key] as const;
    const span = this.#document.key(path);
    const mem = this.#memory(r.mem ?? DEFAULT_MEM, [...path, 'mem']);
    const count = r.replicas ?? 1;
    if (r.vmm === 'qemu' && r['park-after'] !== undefined)
      this.#diagnostics.error(
        this.#document.key([...path, 'park-after']),
        'QEMU cannot park routers: leave park-after out, or use vmm: kvm',
      );
    const result: TopologyRouter[] = [];
    for (let n = 1; n <= count; n++) {
      const name = r.replicas === undefined ? key : `${key}-${n}`;
      const number = (text: string) => (r.replicas === undefined ? text : text.replaceAll('%n', String(n)));
      this.#claim(name, span);
      const vars = Object.fromEntries(Object.entries(r.vars ?? {}).map(([k, v]) => [k, number(String(v))]));
      const ports = (r.ports ?? []).map(number);
      const good = ports.map((p, i) => this.#port(p, [...path, 'ports', i], n)).every(Boolean);
      const configuration = this.#configuration(r.config, vars, [...path, 'config']);
      if (!configuration || mem === undefined) continue;
      if (n === 1) this.#checkDevices(configuration, key, ports);
      if (!good) continue;
      const { cpu, vmm = 'auto', 'park-after': parkAfterS } = r;
      const file = resolvePath(this.#file, r.config);
      const rest = JSON.stringify([mem, ports, cpu ?? null, vmm, parkAfterS]);
      const digest = digestOf(configuration.plan) + digestOf(rest);
      const memBytes = mem;
      result.push({
        ...{ name, file, vars, configuration, memBytes, ports, cpu, vmm, parkAfterS, digest, span },
      });
    }
    return result;
  }

  #memory(mem: string | number, path: (string | number)[]): number | undefined {
    const size = readSize(String(mem));
    if (size === undefined)
      this.#diagnostics.error(
        this.#document.at(path),
        typeof mem === 'number' || /^\d+$/.test(mem)
          ? `memory needs a unit: ${mem}M?`
          : `'${mem}' is not a memory size: expected 1M or more, as 5M`,
      );
    return size;
  }

  /** False: it is no port. */
  #port(spec: string, path: (string | number)[], n: number): boolean {
    const span = this.#document.at(path);
    let problem = portProblem(spec, PORTS);
    if (problem && /^(vlan|mac)=/.test(spec))
      problem = `'${spec}' belongs to the port before it: put both in quotes, as "switch:lan,${spec}"`;
    if (problem) {
      if (n === 1) this.#diagnostics.error(span, problem);
      return false;
    }
    const { kind, arg } = parsePort(spec);
    const ends = this.#ends.get(`${kind}:${arg}`);
    if (ends) ends.push(span);
    else this.#ends.set(`${kind}:${arg}`, [span]);
    return true;
  }

  #configuration(
    config: string,
    variables: Record<string, string>,
    path: (string | number)[],
  ): Configuration | undefined {
    const file = resolvePath(this.#file, config);
    const key = JSON.stringify([file, variables]);
    if (this.#compiled.has(key)) return this.#compiled.get(key);
    let configuration: Configuration | undefined;
    const text = this.#read(file, path);
    if (text !== undefined)
      this.#collect([{ message: 'used here', span: this.#document.at(path) }], () => {
        const { resolveLibrary } = this.#options;
        configuration = compilePlan(text, file, {
          variables,
          target: 'guest',
          ...(resolveLibrary && { resolveLibrary }),
        });
        const errors = checkArguments(configuration).filter((d) => d.severity === 'error');
        if (errors.length) throw new ConfigurationError(errors);
      });
    this.#compiled.set(key, configuration);
    return configuration;
  }

  #read(file: string, path: (string | number)[]): string | undefined {
    try {
      return readFileSync(file, 'utf8');
    } catch (e) {
      const code = (e as NodeJS.ErrnoException).code;
      const why =
        code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'it is a folder' : (e as Error).message;
      this.#diagnostics.error(this.#document.at(path), `${file}: cannot read the configuration: ${why}`);
      return undefined;
    }
  }

  /** Takes over the errors of a configuration. */
  #collect(notes: readonly Note[], body: () => void): void {
    try {
      body();
    } catch (e) {
      if (!(e instanceof ConfigurationError)) throw e;
      for (const d of e.diagnostics)
        if (d.severity === 'error') this.#diagnostics.error(d.span, d.message, [...d.notes, ...notes]);
    }
  }

  /** A configuration must not use ports that its router does not have. */
  #checkDevices(configuration: Configuration, router: string, ports: readonly string[]): void {
    const has =
      ports.length === 0 ? 'no ports' : ports.length === 1 ? 'port 0 only' : `ports 0 to ${ports.length - 1}`;
    const note = { message: `'${router}' is described here`, span: this.#document.key(['routers', router]) };
    for (const { number, element, span } of devicesOf(configuration.graph))
      if (number >= ports.length)
        this.#diagnostics.error(span, `'${element}' uses port ${number}, but router '${router}' has ${has}`, [
          note,
        ]);
  }

  #switches(topology: string, routers: readonly TopologyRouter[]): TopologySwitch[] {
    const declared = this.#data.switches ?? {};
    const result = new Map<string, TopologySwitch>();
    for (const [name, value] of Object.entries(declared)) {
      const path = ['switches', name, 'config'];
      this.#claim(name, this.#document.key(['switches', name]));
      const entry: TopologySwitch = { name, kind: 'switch' };
      if (value?.config !== undefined) {
        const file = resolvePath(this.#file, value.config);
        const text = this.#read(file, path);
        if (text !== undefined) {
          entry.config = { file, text };
          this.#collect([{ message: 'used here', span: this.#document.at(path) }], () =>
            this.#checkSwitch(entry, path),
          );
        }
      }
      result.set(name, entry);
    }
    for (const { kind, arg } of routers.flatMap((r) => r.ports.map(parsePort))) {
      const name = kind === 'link' ? wireName(topology, arg) : arg;
      if ((kind === 'switch' || kind === 'link') && !result.has(name))
        result.set(name, { name, kind: kind === 'link' ? 'wire' : 'switch' });
    }
    for (const { name, kind } of result.values()) {
      const clash = kind === 'switch' && !(name in declared) ? this.#names.get(name) : undefined;
      if (clash) this.#diagnostics.error(clash, `'${name}' is the name of a router and of a switch`);
    }
    return [...result.values()];
  }

  /** A switch's own configuration has a fixed number of ports. */
  #checkSwitch(entry: TopologySwitch, path: string[]): void {
    const { configuration, ports } = compileSwitch(entry.config!);
    const errors = checkArguments(configuration).filter((d) => d.severity === 'error');
    if (errors.length) throw new ConfigurationError(errors);
    const used = this.#ends.get(`switch:${entry.name}`) ?? [];
    if (used.length > ports)
      this.#diagnostics.error(
        used[ports],
        `switch '${entry.name}' has ${ports} ports, and this is one more`,
        [{ message: 'its configuration', span: this.#document.at(path) }],
      );
  }

  #checkEnds(): void {
    for (const [end, spans] of this.#ends) {
      const [kind, name] = [end.slice(0, end.indexOf(':')), end.slice(end.indexOf(':') + 1)];
      if (kind === 'link' && spans.length !== 2)
        this.#diagnostics.error(
          spans[2] ?? spans[0],
          spans.length === 1
            ? `link '${name}' has one end: give another router the port link:${name}`
            : `link '${name}' has ${spans.length} ends, and a link has two: use switch:${name} for more`,
          spans.length === 1 ? [] : [{ message: 'its first end', span: spans[0] }],
        );
      else if ((kind === 'tap' || kind === 'vhost-user') && spans.length > 1)
        this.#diagnostics.error(spans[1], `${end} is used by two ports`, [
          { message: 'here first', span: spans[0] },
        ]);
    }
  }
}
