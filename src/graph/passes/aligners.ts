/** What element classes do to the alignment of packets, and what alignment they want. */

import { splitArgs, splitWords } from '../../lang/config-string.ts';
import { flowFrom } from '../codes.ts';
import { Alignment } from './alignment.ts';

/** One element's part in the analysis. Inputs and outputs are lists by port. */
export interface Aligner {
  /** Alignment of what comes out, given what comes in. */
  have(inputs: readonly Alignment[], outputs: number, flow: string): Alignment[];
  /** Alignment wanted of what comes in, given what is wanted of what comes out. */
  want(inputs: number, outputs: readonly Alignment[], flow: string): Alignment[];
  /** Alignment that inputs are changed to once the rest is settled. */
  adjust?(inputs: readonly Alignment[]): Alignment[];
}

const repeat = (alignment: Alignment, count: number) => new Array<Alignment>(count).fill(alignment);

const anyOf = (list: readonly Alignment[]) =>
  list.length === 0 ? Alignment.of(1, 0) : list.reduce((a, b) => a.or(b));

const allOf = (list: readonly Alignment[]) =>
  list.length === 0 ? Alignment.of(1, 0) : list.reduce((a, b) => a.and(b));

/** Packets go through as the flow code says and stay as they are. */
const PASS: Aligner = {
  have(inputs, outputs, flow) {
    const flows = inputs.map((_, input) => flowFrom(flow, input, outputs));
    return Array.from({ length: outputs }, (_, output) =>
      inputs.filter((_, input) => flows[input]![output]).reduce((a, b) => a.or(b), Alignment.empty),
    );
  },
  want(inputs, outputs, flow) {
    return Array.from({ length: inputs }, (_, input) => {
      const flows = flowFrom(flow, input, outputs.length);
      return outputs.filter((_, output) => flows[output]).reduce((a, b) => a.and(b), Alignment.empty);
    });
  },
};

/** New packets, or data copied to where it should be. */
const generator = (alignment: Alignment): Aligner => ({
  have: (_, outputs) => repeat(alignment, outputs),
  want: (inputs) => repeat(Alignment.empty, inputs),
});

const shifter = (bytes: number): Aligner => ({
  have: (inputs, outputs) => repeat(anyOf(inputs).shift(bytes), outputs),
  want: (inputs, outputs) => repeat(allOf(outputs).shift(-bytes), inputs),
});

const wanter = (alignment: Alignment, have: Aligner['have'] = PASS.have): Aligner => ({
  have,
  want: (inputs) => repeat(alignment, inputs),
});

const CLASSIFIER: Aligner = {
  ...PASS,
  // Any alignment will do as long as it is known to words of 4 bytes.
  adjust(inputs) {
    const all = anyOf(inputs);
    return repeat(all.modulus < 4 ? Alignment.of(4, all.offset) : all, inputs.length);
  },
};

const ETHER_BYTES = 14;

const ARP_QUERIER: Aligner = {
  have(inputs, outputs) {
    if (inputs.length === 0) return repeat(Alignment.empty, outputs);
    return Array.from({ length: outputs }, (_, output) =>
      output === 0 ? inputs[0]!.shift(-ETHER_BYTES) : Alignment.of(4, 2),
    );
  },
  want(inputs, outputs) {
    return Array.from({ length: inputs }, (_, input) =>
      input === 0 && outputs[0] ? outputs[0].shift(ETHER_BYTES) : Alignment.of(2, 0),
    );
  },
};

/** A class's aligner for one element; `complain` takes what is wrong with its arguments. */
type Factory = (args: readonly string[], complain: (message: string) => void) => Aligner;

const constant =
  (aligner: Aligner): Factory =>
  () =>
    aligner;

const strip =
  (sign: 1 | -1): Factory =>
  (args, complain) => {
    const { values, rest } = readArgs(args, ['LENGTH']);
    const length = Number(values.LENGTH ?? Number.NaN);
    if (Number.isInteger(length) && length >= 0 && rest === 0) return shifter(sign * length);
    complain(values.LENGTH === undefined ? 'required LENGTH argument missing' : 'LENGTH should be unsigned');
    return PASS;
  };

const ipHeader: Factory = (args) => {
  // Before Click 1.6 a list of bad source addresses came first.
  const positional = args.filter((arg) => !/^[A-Z_]+\s/.test(arg));
  const keyword = args.find((arg) => /^OFFSET\s/.test(arg))?.replace(/^OFFSET\s+/, '');
  const offset = [keyword, positional[0], positional[1]].find(
    (arg) => arg !== undefined && /^\d+$/.test(arg),
  );
  return wanter(Alignment.of(4, 0).shift(-Number(offset ?? 0)));
};

const device =
  (make: (alignment: Alignment) => Aligner): Factory =>
  (args, complain) => {
    const { values } = readArgs(args, []);
    if (values.ALIGNMENT === undefined) return make(Alignment.of(4, values.TYPE === 'IP' ? 0 : 2));
    const alignment = readAlignment(splitWords(values.ALIGNMENT), complain);
    return alignment.isBad ? PASS : make(alignment);
  };

const WORD_ALIGNED = constant(wanter(Alignment.of(4, 0)));
const ROUTING_HEADER = constant(generator(Alignment.of(4, 2)));

const FACTORIES: Record<string, Factory> = {
  Align: (args, complain) => {
    const alignment = readAlignment(args, complain);
    return alignment.isBad ? PASS : generator(alignment);
  },
  Strip: strip(1),
  Unstrip: strip(-1),
  CheckIPHeader: ipHeader,
  CheckIPHeader2: ipHeader,
  MarkIPHeader: ipHeader,
  Classifier: constant(CLASSIFIER),
  EtherEncap: constant(shifter(-ETHER_BYTES)),
  FromHost: device(generator),
  FromDevice: device(generator),
  PollDevice: device(generator),
  ToHost: device(wanter),
  SR2SetChecksum: ROUTING_HEADER,
  SR2CheckHeader: ROUTING_HEADER,
  SetSRChecksum: ROUTING_HEADER,
  CheckSRHeader: ROUTING_HEADER,
  ICMPError: (args) =>
    /^(true|yes|t|y|1)$/.test(readArgs(args, []).values.ETHER ?? '') ? PASS : generator(Alignment.of(4, 0)),
  InfiniteSource: constant(generator(Alignment.of(4, 0))),
  RatedSource: constant(generator(Alignment.of(4, 0))),
  Idle: constant(generator(Alignment.universal)),
  Discard: constant({
    have: (_, outputs) => repeat(Alignment.empty, outputs),
    want: (inputs) => repeat(Alignment.empty, inputs),
  }),
  IPEncap: WORD_ALIGNED,
  UDPIPEncap: WORD_ALIGNED,
  ICMPPingEncap: WORD_ALIGNED,
  RandomUDPIPEncap: WORD_ALIGNED,
  RoundRobinUDPIPEncap: WORD_ALIGNED,
  RoundRobinTCPIPEncap: WORD_ALIGNED,
  StoreUDPTimeSeqRecord: WORD_ALIGNED,
  ARPResponder: constant(wanter(Alignment.of(2, 0))),
  ARPQuerier: constant(ARP_QUERIER),
  IPInputCombo: constant(wanter(Alignment.of(4, 2), shifter(ETHER_BYTES).have)),
  GridEncap: constant(wanter(Alignment.of(4, 0), shifter(98).have)),
};

/** The aligner of an element. */
export function alignerFor(className: string, config: string, complain: (message: string) => void): Aligner {
  const factory = Object.hasOwn(FACTORIES, className) ? FACTORIES[className] : undefined;
  return (
    factory?.(
      splitArgs(config).map(({ text }) => text),
      complain,
    ) ?? PASS
  );
}

/** The alignment that the arguments of an Align ask for. */
export function readAlignment(args: readonly string[], complain: (message: string) => void): Alignment {
  const { values, rest } = readArgs(args, ['MODULUS', 'OFFSET']);
  const numbers = [values.MODULUS, values.OFFSET].map((text) => Number(text ?? Number.NaN));
  for (const [i, name] of ['MODULUS', 'OFFSET'].entries())
    if (!Number.isInteger(numbers[i]))
      complain(
        values[name] === undefined ? `required ${name} argument missing` : `${name} should be integer`,
      );
  if (rest > 0) complain('too many arguments');
  return numbers.every(Number.isInteger) && rest === 0
    ? Alignment.of(numbers[0]!, numbers[1]!)
    : Alignment.bad;
}

/** Arguments by name: positional ones by `names`, `KEYWORD value` by its keyword; and how many are left. */
function readArgs(args: readonly string[], names: readonly string[]) {
  const values: Record<string, string> = {};
  let positional = 0;
  let rest = 0;
  for (const arg of args) {
    const keyword = /^([A-Z_][A-Z_0-9]*)\s+(.*)$/s.exec(arg);
    if (keyword) values[keyword[1]!] = keyword[2]!;
    else if (positional < names.length) values[names[positional++]!] = arg;
    else rest++;
  }
  return { values, rest };
}
