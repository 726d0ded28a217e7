/** Bad input ends in one clear message and a documented exit status. */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clicklet, root } from '../system/hosts.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-errors-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Run clicklet in a folder of its own. */
function run(args: string[], env: Record<string, string> = {}) {
  const r = spawnSync(process.execPath, [clicklet, ...args], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, NO_COLOR: '1', CLICKLET_STATE: join(dir, 'state'), ...env },
  });
  return { status: r.status, stdout: r.stdout, stderr: r.stderr };
}

const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return name;
};

describe('bad input', () => {
  it('five mistakes of different kinds: five located errors, exit 1', () => {
    file(
      'five.click',
      [
        'q :: Queue(ten);',
        'InfiniteSource -> c :: Cuonter -> q;',
        'x :: Tee(2) -> -> Discard;',
        'Idle -> [2] s :: Strip(14) -> Discard;',
        'q -> u :: Unqueue -> Discard; u -> Discard;',
        '',
      ].join('\n'),
    );
    const { status, stderr, stdout } = run(['run', 'five.click']);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    const places = stderr.match(/^five\.click:\d+:\d+: error: .*/gm);
    expect(places?.map((l) => Number(l.split(':')[1]))).toEqual([1, 2, 3, 4, 5]);
    expect(stderr).toContain("did you mean 'Counter'?");
    expect(stderr).toContain('           ^~~\n'); // under "ten"
  });

  it('--json has the same errors as data', () => {
    file('one.click', 'Idle -> Queue(ten) -> Discard;\n');
    const { status, stdout } = run(['check', '--json', 'one.click']);
    expect(status).toBe(1);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ version: 1, ok: false });
    expect(result.diagnostics[0]).toMatchObject({
      severity: 'error',
      file: 'one.click',
      line: 1,
      column: 15,
    });
  });

  it('a missing file', () => {
    expect(run(['run', 'none.click'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'clicklet: none.click: cannot read the configuration: no such file\n',
    });
  });

  it('an unreadable pcap', () => {
    file('junk.pcap', 'this is not a packet capture, whatever its name says');
    for (const name of ['junk.pcap', 'none.pcap']) {
      const { status, stderr } = run(['run', '-e', `FromDump(${name}, STOP true) -> Discard;`]);
      expect(status).toBe(1);
      expect(stderr).toContain(name);
      expect(stderr).toMatch(/^config:1:\d+: error: /);
    }
  });

  it('a port that does not exist', () => {
    const { status, stderr } = run(['run', '-e', 'FromDevice(3) -> Discard;']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^config:1:1: error: .*port 3 does not exist/);
    const interfaceError = run(['run', '-e', 'FromDevice(no-such-if0) -> Discard;']);
    expect(interfaceError.status).toBe(1);
    expect(interfaceError.stderr).toContain('no-such-if0');
  });

  it('usage: unknown verbs, options and sizes exit 2', () => {
    expect(run(['frobnicate']).status).toBe(2);
    expect(run(['ps', '--frobnicate']).status).toBe(2);
    file('idle.click', 'Idle -> Discard;');
    expect(run(['boot', 'idle.click', '--mem', 'plenty']).status).toBe(2);
    expect(run(['boot', 'idle.click', '--port', 'carrier-pigeon:1']).status).toBe(2);
  });

  it('KVM without permission, asked for by name: exit 3, says what to do', () => {
    file('kvm', '');
    chmodSync(join(dir, 'kvm'), 0o000);
    file('idle.click', 'Idle -> Discard;');
    const unprivileged = spawnSync(
      'setpriv',
      [
        '--reuid=65534',
        '--clear-groups',
        process.execPath,
        '-e',
        'require("fs").accessSync(process.argv[1], 6)',
        join(dir, 'kvm'),
      ],
      { stdio: 'ignore' },
    );
    const missing = run(['boot', 'idle.click', '--vmm', 'kvm'], { CLICKLET_KVM: join(dir, 'none') });
    expect(missing).toMatchObject({ status: 3 });
    expect(missing.stderr).toContain('does not exist');
    expect(unprivileged.status).not.toBe(0);
  });

  it('neither KVM nor QEMU: exit 3 and how to get one', () => {
    file('idle.click', 'Idle -> Discard;');
    const { status, stderr } = run(['boot', 'idle.click'], { CLICKLET_KVM: join(dir, 'none'), PATH: dir });
    expect(status).toBe(3);
    expect(stderr).toContain('apt-get install qemu-system-x86');
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it.skipIf(spawnSync('test', ['-w', '/dev/kvm']).status !== 0)('too little guest memory', () => {
    file('idle.click', 'Idle -> Discard;');
    const { status, stderr } = run(['boot', 'idle.click', '--vmm', 'kvm', '--mem', '1M']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/memory/);
    file('large.click', 'Idle -> Queue(1000000) -> Discard;');
    const large = run(['boot', 'large.click', '--vmm', 'kvm']);
    expect(large.status).toBe(1);
    expect(large.stderr).toMatch(/memory/);
  });

  it('an element that guests do not have', () => {
    file('host.click', 'FromDump(x.pcap) -> Discard;');
    const { status, stderr } = run(['boot', 'host.click']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^host\.click:1:1: error: .*FromDump.*not available on target 'guest'/);
  });

  it('install without compiler or cmake names the packages to install', () => {
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, 'node'));
    const r = spawnSync(process.execPath, [join(root, 'scripts', 'install.mjs')], {
      encoding: 'utf8',
      env: { PATH: bin },
    });
    expect(r.status).toBe(3);
    expect(r.stderr).toContain('apt-get install cmake gcc g++ make');
  });
});
