/** The codes of the class table: port counts, processing and flow. */

export type Processing = 'push' | 'pull' | 'agnostic';

interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** A parsed port count code. Outputs are a range, or the number of inputs plus `plus`. */
export interface PortCount {
  readonly inputs: PortRange;
  readonly outputs: PortRange | { readonly plus: number };
}

/**
 * Parse a port count code: `1/1-2`, `-/-`, `1-/=`, `1-/=+` (as many outputs as inputs, plus one), or a
 * single range for both sides. Throws on anything else.
 */
export function parsePortCount(code: string): PortCount {
  const [inputCode = '', outputCode = inputCode, ...rest] = code.split('/');
  const inputs = parseRange(inputCode);
  const equal = /^=(\+*)$/.exec(outputCode);
  const outputs = equal ? { plus: equal[1]!.length } : parseRange(outputCode);
  if (!inputs || !outputs || rest.length > 0) throw new Error(`bad port count code '${code}'`);
  return { inputs, outputs };
}

function parseRange(code: string): PortRange | undefined {
  const match = /^(\d*)(-?)(\d*)$/.exec(code);
  if (!match || (match[2] === '' && match[3] !== '')) return undefined;
  const min = Number(match[1]);
  const max = match[2] === '' ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
  return { min, max };
}

/** How many ports an element has, given how many its connections use. */
export function portsFor(
  count: PortCount,
  usedInputs: number,
  usedOutputs: number,
): [inputs: number, outputs: number] {
  const inputs = clamp(usedInputs, count.inputs);
  const outputs = 'plus' in count.outputs ? inputs + count.outputs.plus : clamp(usedOutputs, count.outputs);
  return [inputs, outputs];
}

function clamp(value: number, { min, max }: PortRange): number {
  return Math.min(Math.max(value, min), max);
}

const LETTERS: Record<string, Processing> = { h: 'push', l: 'pull', a: 'agnostic' };

/** Processing of each port by a code such as `a/ah`: the last letter of a side holds for the rest. */
export function portProcessing(code: string, inputs: number, outputs: number): [Processing[], Processing[]] {
  const [inputCode = '', outputCode = inputCode] = code.split('/', 2);
  return [spread(inputCode, inputs), spread(outputCode, outputs)];
}

function spread(code: string, ports: number): Processing[] {
  const letters = processingLetters(code);
  const processing: Processing[] = [];
  for (let port = 0; port < ports; port++) processing.push(letters[port] ?? letters.at(-1) ?? 'agnostic');
  return processing;
}

const parsedCodes = new Map<string, readonly Processing[]>();

function processingLetters(code: string): readonly Processing[] {
  let letters = parsedCodes.get(code);
  if (!letters) {
    // A tilde after a letter is a remark about how the port is shown, not a port.
    letters = [...code.toLowerCase()].filter((c) => c in LETTERS).map((c) => LETTERS[c]!);
    parsedCodes.set(code, letters);
  }
  return letters;
}

/**
 * The output ports that packets arriving at an input may leave from, by a flow code: ports whose codes
 * share a letter. `#` matches the port of the same number, `[...]` is a set, `[^...]` its complement.
 */
export function flowFrom(code: string, input: number, outputs: number): boolean[] {
  if (code === '' || code === 'x/x') return new Array<boolean>(outputs).fill(true);
  const [inputCode = '', outputCode = inputCode] = code.split('/', 2);
  const inputItems = flowItems(inputCode);
  const outputItems = flowItems(outputCode);
  const source = flowSet(inputItems, input);
  return Array.from({ length: outputs }, (_, output) => intersects(source, flowSet(outputItems, output)));
}

interface FlowSet {
  readonly members: ReadonlySet<string>;
  readonly negated: boolean;
}

function flowItems(code: string): string[] {
  return code.match(/\[[^\]]*\]|[A-Za-z#]/g) ?? [];
}

function flowSet(items: readonly string[], port: number): FlowSet {
  const item = items[port] ?? items.at(-1) ?? '';
  const negated = item.startsWith('[^');
  const letters = item.replace(/[[\]^]/g, '');
  return { members: new Set([...letters].map((c) => (c === '#' ? `#${port}` : c))), negated };
}

function intersects(a: FlowSet, b: FlowSet): boolean {
  if (a.negated && b.negated) return true;
  if (a.negated) return [...b.members].some((member) => !a.members.has(member));
  return [...a.members].some((member) => b.members.has(member) !== b.negated);
}
