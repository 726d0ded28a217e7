/** An element that misbehaves is named, and takes nobody but its own guest with it. */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { packagePath } from '../../src/engine/paths.ts';
import { writePlan } from '../../src/engine/plan.ts';
import { ClassTable } from '../../src/graph/class-table.ts';
import { compile } from '../../src/graph/compile.ts';
import { formatDiagnostics } from '../../src/lang/diagnostics.ts';
import { hasProgram } from '../system/hosts.ts';

const monitor = packagePath('build', 'monitor', 'clicklet-monitor');
const image = packagePath('build', 'guest', 'clicklet-guest-test.elf');
const kvm = spawnSync('test', ['-w', '/dev/kvm']).status === 0 && existsSync(monitor) && existsSync(image);
if (!kvm) console.log('faults in guests: skipped: /dev/kvm is not usable or the images are not built');

const dir = mkdtempSync(join(tmpdir(), 'clicklet-fault-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const table = JSON.parse(readFileSync(packagePath('src', 'generated', 'elements.json'), 'utf8'));
table.classes.push({ name: 'Faulty', ports: '1/1', processing: 'a/a' });
const classes = ClassTable.fromJson(table);

function planFile(name: string, config: string): string {
  const { graph, diagnostics } = compile(config, name, { classes });
  if (!graph) throw new Error(formatDiagnostics(diagnostics));
  const file = join(dir, `${name}.plan`);
  writeFileSync(file, writePlan(graph));
  return file;
}

const WAYS = {
  null: /page fault.*0x10\b/,
  kernel: /(page fault|protection)/,
  execute: /(page fault|protection)/,
  privileged: /(protection|invalid|undefined)/,
};

describe.skipIf(!kvm)('a fault in an element', () => {
  for (const [how, what] of Object.entries(WAYS))
    it(`${how}: names the element and ends the guest with status 70`, () => {
      const plan = planFile(how, `InfiniteSource -> Counter -> bad :: Faulty(${how}, 1000) -> Discard;`);
      const r = spawnSync(monitor, ['--image', image, '--plan', plan], { encoding: 'utf8', timeout: 20_000 });
      expect(`${r.stdout}${r.stderr}`).toContain("fault in element 'bad' :: Faulty");
      expect(`${r.stdout}${r.stderr}`).toMatch(what);
      expect(r.status).toBe(70);
    });

  it('leaves other guests alone', async () => {
    const good = planFile('good', 'RatedSource(RATE 1000) -> Counter -> Discard;');
    const bad = planFile('bad', 'InfiniteSource -> Faulty(null, 10) -> Discard;');
    const other = spawn(monitor, ['--image', image, '--plan', good], { stdio: 'ignore' });
    expect(spawnSync(monitor, ['--image', image, '--plan', bad], { timeout: 20_000 }).status).toBe(70);
    await sleep(200);
    expect(other.exitCode).toBeNull();
    other.kill('SIGTERM');
    expect(await new Promise((resolve) => other.once('exit', resolve))).toBe(0);
  });

  const qemu = hasProgram('qemu-system-x86_64');
  if (!qemu) console.log('faults under QEMU: skipped: qemu-system-x86_64 is not installed');
  it.skipIf(!qemu)('is named on the console under QEMU too', () => {
    const plan = planFile('qemu', 'InfiniteSource -> bad :: Faulty(null, 1000) -> Discard;');
    const machine = [
      '-M',
      'microvm,pit=off,pic=off,rtc=off,acpi=off',
      '-accel',
      'tcg',
      '-cpu',
      'max',
      '-m',
      '8M',
    ];
    const rest = ['-nodefaults', '-no-user-config', '-nographic', '-no-reboot', '-serial', 'stdio'];
    const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'];
    const r = spawnSync(
      'qemu-system-x86_64',
      [...machine, ...rest, ...exit, '-kernel', image, '-initrd', plan],
      {
        encoding: 'utf8',
        timeout: 20_000,
      },
    );
    expect(r.stdout).toContain("fault in element 'bad' :: Faulty");
  });
});
