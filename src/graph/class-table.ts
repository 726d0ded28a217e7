/** The element class table: what the C side says about every element, loaded from its JSON dump. */

import { parsePortCount } from './codes.ts';

/** One argument an element class takes. */
export interface ClassArg {
  readonly key: string;
  readonly type: string;
  readonly default: string | null;
  readonly positional: boolean;
  readonly mandatory: boolean;
  readonly deprecated?: boolean;
  readonly min?: number | string | null;
  readonly max?: number | string | null;
  readonly choices?: readonly string[] | null;
  readonly doc?: string | null;
}

export interface ClassHandler {
  readonly name: string;
  readonly read: boolean;
  readonly write: boolean;
  /** The read handler takes a parameter. */
  readonly param?: boolean;
  readonly type?: string;
}

export interface ElementClass {
  readonly name: string;
  /** The C file that defines it. */
  readonly file: string;
  /** Port count code, such as `1/1-2`. */
  readonly ports: string;
  /** Processing code, such as `a/ah`. */
  readonly processing: string;
  /** Flow code, such as `x/x`. */
  readonly flow: string;
  readonly flags: string;
  readonly targets: readonly string[];
  readonly args: readonly ClassArg[];
  readonly handlers: readonly ClassHandler[];
  /** The element parses its arguments by its table; otherwise `args` is documentation at best. */
  readonly argsChecked: boolean;
  /** Side effects show the order of packets, so batches must not regroup them. */
  readonly ordered: boolean;
  /** The C name of its action, if it is one: it looks at a packet and chooses an output. */
  readonly action?: string | null;
  /** It works best on a batch of packets. */
  readonly batched?: boolean;
  /** Each engine thread may have its own: what it keeps, beside its configuration, is counts. */
  readonly perThread?: boolean;
  /** It looks at queues around it, which must be on its thread. */
  readonly looksAround?: boolean;
  /** It uses elements that its arguments name, other than by their handlers. */
  readonly namesElements?: boolean;
  /** The class that this is another name of. */
  readonly aliasOf?: string;
}

/** The element classes that exist, by name. */
export class ClassTable {
  /** A class, or the JSON text of one that nobody asked for yet. */
  readonly #classes = new Map<string, ElementClass | string>();

  constructor(classes: Iterable<ElementClass> = []) {
    for (const elementClass of classes) this.#classes.set(elementClass.name, elementClass);
  }

  /**
   * Load a table from parsed JSON, `{ version: 1, classes: [...] }`. Fields this loader does not know
   * are kept as they are; wrong ones throw an error that names the class and the field.
   */
  static fromJson(json: unknown): ClassTable {
    if (!isRecord(json) || json.version !== 1 || !Array.isArray(json.classes))
      throw new Error('element class table: expected { "version": 1, "classes": [...] }');
    return new ClassTable(json.classes.map(readClass));
  }

  /**
   * Load a table from the text of such JSON. Where every class has a line of its own, as in the engine's dump, a
   * class is read when it is asked for: a configuration uses few of them.
   */
  static fromText(text: string): ClassTable {
    const [first, ...lines] = text.trimEnd().split('\n');
    const last = lines.pop();
    const table = new ClassTable();
    for (const line of lines) {
      const name = /^\{"name":"([^"\\]+)",.*\},?$/.exec(line)?.[1];
      if (name === undefined) return ClassTable.fromJson(JSON.parse(text));
      table.#classes.set(name, line);
    }
    if (first !== '{"version":1,"classes":[' || last !== ']}') return ClassTable.fromJson(JSON.parse(text));
    return table;
  }

  get size(): number {
    return this.#classes.size;
  }

  get(name: string): ElementClass | undefined {
    const found = this.#classes.get(name);
    if (typeof found !== 'string') return found;
    const elementClass = readClass(JSON.parse(found.replace(/,$/, '')), 0);
    this.#classes.set(name, elementClass);
    return elementClass;
  }

  has(name: string): boolean {
    return this.#classes.has(name);
  }

  names(): Iterable<string> {
    return this.#classes.keys();
  }

  *[Symbol.iterator](): IterableIterator<ElementClass> {
    for (const name of this.#classes.keys()) yield this.get(name)!;
  }
}

type FieldType = 'string' | 'boolean' | 'array';

const FIELDS: readonly [field: keyof ElementClass, type: FieldType, fallback?: unknown][] = [
  ['name', 'string'],
  ['ports', 'string'],
  ['file', 'string', ''],
  ['processing', 'string', 'a/a'],
  ['flow', 'string', 'x/x'],
  ['flags', 'string', ''],
  ['targets', 'array', ['host', 'guest']],
  ['args', 'array', []],
  ['handlers', 'array', []],
  ['argsChecked', 'boolean', true],
  ['ordered', 'boolean', false],
];

function readClass(json: unknown, index: number): ElementClass {
  const record = isRecord(json) ? json : {};
  const shown = typeof record.name === 'string' ? `'${record.name}'` : `number ${index}`;
  const result: Record<string, unknown> = { ...record };
  for (const [field, type, fallback] of FIELDS) {
    const value = record[field] ?? fallback;
    const fits = type === 'array' ? Array.isArray(value) : typeof value === type;
    if (!fits) throw new Error(`element class table: class ${shown}: field '${field}' should be ${type}`);
    result[field] = value;
  }
  try {
    parsePortCount(result.ports as string);
  } catch (error) {
    throw new Error(`element class table: class ${shown}: ${(error as Error).message}`);
  }
  return result as unknown as ElementClass;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
