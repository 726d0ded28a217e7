// What engine.mjs measures with: one thing each in a process of its own, CPU time in seconds, instructions by callgrind.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compilePlan } from '../dist/index.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
/** Everything that is made on the way; removed at the end. */
export const work = mkdtempSync(join(tmpdir(), 'clicklet-bench-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

/** Standard output and error of a command that must succeed within ten minutes. */
export function run(command, args) {
  const r = spawnSync(command, args, { encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 28 });
  if (r.status !== 0) {
    const lines = `${r.error ?? ''}${r.stderr}`.split('\n').filter(Boolean);
    throw new Error(lines.find((line) => /error/i.test(line)) ?? lines[0] ?? `${command} ended with ${r.signal ?? r.status}`);
  }
  return r;
}

export const valgrind = spawnSync('valgrind', ['--version']).status === 0;

/** Instructions of a command; with `inside`, only those within the functions of that name. */
export function callgrind(command, args, inside) {
  const only = inside ? [`--toggle-collect=${inside}`, '--collect-atstart=no'] : [];
  const out = join(work, 'callgrind.out');
  const { stderr } = run('valgrind', ['--tool=callgrind', `--callgrind-out-file=${out}`, ...only, command, ...args]);
  return Number(/Collected : (\d+)/.exec(stderr)[1]);
}

let limitProgram;
/** The loop written by hand (limit.c) for packets of `size` bytes. */
export const limit = {
  build() {
    limitProgram = join(work, 'limit');
    run(process.env.CC ?? 'cc', ['-O3', '-march=native', '-o', limitProgram, join(here, 'limit.c')]);
  },
  measure: (size, packets) => JSON.parse(run(limitProgram, [String(packets), String(size)]).stdout),
  instructions: (size) => callgrind(limitProgram, ['32000', String(size), 'small'], 'run') / 32000,
};

/** One scenario for our engines: its configuration, and its fused unit once it is asked for. */
export class Case {
  #units;
  constructor(name, text, threads = 1) {
    this.text = text;
    this.threads = threads;
    this.file = join(work, `${name}.click`);
    writeFileSync(this.file, text);
  }

  /** One for each thread. */
  units() {
    this.#units ??= Array.from({ length: this.threads }, (_, thread) => {
      const file = `${this.file}.${thread}.so`;
      const which = ['--threads', String(this.threads), '--thread', String(thread)];
      const began = performance.now();
      run(process.execPath, [join(root, 'bin', 'clicklet.js'), 'fuse', ...which, this.file, '-o', file]);
      return { file, ms: performance.now() - began };
    });
    return this.#units;
  }

  measure(engine, packets) {
    const units = engine === 'fused' ? this.units().map((u) => u.file) : [];
    const args = ['--threads', String(this.threads), this.file, String(packets), ...units];
    return JSON.parse(run(process.execPath, [join(here, 'run-one.mjs'), ...args]).stdout);
  }

  /** What callgrind wrote last. */
  profile = join(work, 'callgrind.out');

  /** Per packet, once the router runs: `packets` of them, which the configuration must have as $LIMIT. */
  instructions(engine, packets) {
    const plan = `${this.file}.plan`;
    writeFileSync(plan, compilePlan(this.text, this.file).plan);
    const unit = engine === 'fused' ? ['--fused', this.units()[0].file] : [];
    return callgrind(join(root, 'build', 'clicklet-engine'), [...unit, plan], 'engine_run') / packets;
  }
}

/** Click or FastClick, a binary built elsewhere: the same configuration, started twice, so that its start is not counted. */
export class Reference {
  constructor(binary) {
    this.binary = binary;
  }

  #args = (file, packets) => [file, `LIMIT=${packets}`];

  #cpu(file, packets) {
    const counters = ['-h', '*.count'];
    const script = '"$@" >"$0"; status=$?; times; exit $status';
    const out = join(work, 'reference.out');
    const { stdout } = run('sh', ['-c', script, out, this.binary, ...counters, ...this.#args(file, packets)]);
    const [user, system] = stdout.split('\n')[1].split(' ').map((t) => {
      const [, m, s] = /(\d+)m([\d.]+)s/.exec(t);
      return 60 * m + Number(s);
    });
    return user + system;
  }

  measure({ file }, packets) {
    const few = Math.round(packets / 10);
    const start = process.hrtime.bigint();
    const cpuS = this.#cpu(file, packets) - this.#cpu(file, few);
    return { packets: packets - few, wallS: Number(process.hrtime.bigint() - start) / 1e9, cpuS };
  }

  instructions({ file }) {
    const [few, many] = [20_000, 60_000].map((n) => callgrind(this.binary, this.#args(file, n)));
    return (many - few) / 40_000;
  }
}
