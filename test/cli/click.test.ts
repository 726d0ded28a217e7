/** `click` and the tools, as scripts call them: status, standard output, standard error. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../system/hosts.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'clicklet-click-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function run(command: string, args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'bin', `${command}.js`), ...args],
    {
      cwd: dir,
      encoding: 'utf8',
      input,
      timeout: 30_000,
      env: { ...process.env, NO_COLOR: '1', CLICK_MESSAGES: 'classic' },
    },
  );
  return { status, stdout, stderr };
}

const click = (...args: string[]) => run('click', args);

/** It has printed no data, and these messages. */
const expectMessages = (result: ReturnType<typeof run>, status: number, stderr: unknown) =>
  expect(result).toEqual({ status, stdout: '', stderr });

describe('click', () => {
  it('stops at the errors of the language, as the reference does', () => {
    const config =
      'x :: Idle; y :: PushNull; x :: Idle; x[1] -> y -> x; y -> [1]x; z :: NoSuch; c :: Counter(NO 1);';
    expectMessages(
      click('-e', config),
      1,
      "config:1: redeclaration of element 'x'\nconfig:1: element 'x' previously declared here\n" +
        "config:1: unknown element class 'NoSuch'\n",
    );
  });

  it('handlers: one alone, several by name, patterns and classes', () => {
    const config = 'Idle -> c :: Counter -> Discard';
    expect(click('-qe', config, '-h', 'c.count')).toEqual({ status: 0, stdout: '0\n', stderr: '' });
    expect(click('-qe', config, '-h', 'c*.count', '-h', 'Counter.count')).toEqual({
      status: 0,
      stdout: 'c.count:\n0\n\nc.count:\n0\n\n',
      stderr: '',
    });
    expect(click('-qe', config, '-h', '[a-c].count').stdout).toBe('c.count:\n0\n\n');
    expect(
      click('-qe', config, '-h', 'c.count', '-h', 'c.nosuch', '-h', 'c.reset', '-h', 'x.y', '-h', 'X*.y'),
    ).toEqual({
      status: 1,
      stdout: 'c.count:\n0\n\n',
      stderr:
        "no 'c.nosuch' handler\n'c.reset' is a write handler\nno element 'x'\nno element matching 'X*'\n",
    });
  });

  it('exit handler', () => {
    const config = 'InfiniteSource(LIMIT 3, STOP true) -> c :: Counter -> Discard';
    expect(click('-e', config, '-x', 'c.count').status).toBe(3);
    expectMessages(click('-qe', 'q :: Idle', '-x', 'q.class'), 255, 'exit handler value should be integer\n');
  });

  it('flat configuration, time, definitions, standard input, a file twice', () => {
    expect(click('-qo-', 'N=5', '-e', 'Idle -> Paint($N) -> Discard').stdout).toBe(
      'Idle@1 :: Idle;\nPaint@2 :: Paint(5);\nDiscard@3 :: Discard;\n\nIdle@1 -> Paint@2\n    -> Discard@3;\n',
    );
    expect(click('-qt', '-e', 'Idle -> Discard').stdout).toMatch(/^\d+\.\d{3}u \d+\.\d{3}s 0:0\d\.\d\d\n$/);
    expect(run('click', ['-q', '-h', 'list'], 'Idle -> Discard').stdout).toBe('2\nIdle@1\nDiscard@2\n');
    expectMessages(
      click('a', 'b'),
      1,
      "click: router configuration specified twice\nUsage: click [OPTION]... [ROUTERFILE]\nTry 'click --help' for more information.\n",
    );
  });

  it('what cannot start says so last; what is not understood does not get that far', () => {
    expect(click('-e', 'Idle -> Discard(x)')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^config:1: While configuring 'Discard@2 :: Discard':\n {2}too many arguments.*\nRouter could not be initialized!\n$/,
      ),
    });
    expectMessages(click('-e', 'Foo -> Discard'), 1, "config:1: undeclared element 'Foo'\n");
    expectMessages(click('-e', ''), 0, 'warning: config: configuration has no elements, exiting\n');
    expectMessages(click('-we', ''), 0, '');
  });

  it('what is required must be there', () => {
    expectMessages(
      click('-qe', 'require(foo, package bar, Counter, userlevel) Idle -> Discard'),
      1,
      "config:1: requirement 'foo' not available\nconfig:1: requirement 'bar' not available\nRouter could not be initialized!\n",
    );
    // The tools leave that to the driver.
    expect(run('click-check', ['-e', 'require(foo) Idle -> Discard']).status).toBe(0);
  });

  it("handlers are listed in the reference's order", () => {
    expect(click('-qe', 'Idle -> q :: Queue -> Discard', '-h', 'q.handlers').stdout.split('\n')).toEqual([
      'reset\twb',
      'reset_counts\twb',
      'drops\tr',
      'capacity\trw.',
      'highwater_length\tr',
      'length\tr',
      'handlers\tr.',
      'ports\tr.',
      'config\trw.',
      'class\tr.',
      'name\tr.',
      '',
    ]);
    expect(click('-qe', 'Idle', '-h', 'driver').stdout).toBe('userlevel\n');
  });

  it('SIGINT goes to the scripts that wait for it', async () => {
    const config = 'Script(TYPE SIGNAL INT, print "caught", stop); Script(print "ready", wait 20, stop)';
    const args = [join(root, 'bin', 'click.js'), '-e', config];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (data) => {
      if (out === '') child.kill('SIGINT');
      out += data;
    });
    const status = await new Promise((resolve) => child.on('exit', resolve));
    expect({ status, out }).toEqual({ status: 0, out: 'ready\ncaught\n' });
  });

  it('SIGINT once is a clean stop: handlers are read', async () => {
    const args = [
      join(root, 'bin', 'click.js'),
      '-e',
      'Idle -> c :: Counter -> Discard; Script(print "ready")',
      '-h',
      'c.count',
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (data) => {
      if (out === '') child.kill('SIGINT');
      out += data;
    });
    const status = await new Promise((resolve) => child.on('exit', resolve));
    expect({ status, out }).toEqual({ status: 0, out: 'ready\n0\n' });
  });

  it('a DriverManager says its last words when the router is stopped, and does not wait', async () => {
    const config =
      'Idle -> c :: Counter -> Discard; DriverManager(print "ready", pause, print c.count, wait 1000, print "end", pause)';
    const args = [join(root, 'bin', 'click.js'), '-e', config];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (data) => {
      if (out === '') child.kill('SIGTERM');
      out += data;
    });
    const status = await new Promise((resolve) => child.on('exit', resolve));
    expect({ status, out }).toEqual({ status: 0, out: 'ready\n0\nend\n' });
  });

  it('calls handlers between packets', () => {
    const config = `InfiniteSource(LIMIT 100, STOP true) -> Counter(COUNT_CALL 5 s.switch 1)
      -> s :: Switch -> c :: Counter -> d :: Discard; s[1] -> d`;
    expect(click('-e', config, '-h', 'c.count').stdout).toBe('4\n');
  });
});

it('commands start from what V8 keeps compiled', () => {
  const program = `console.log(require(${JSON.stringify(join(root, 'bin/launch.js'))}).load().script.cachedDataRejected)`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  // 'undefined' is a cache that was not made: scripts/code-cache.mjs failed.
  expect({ stdout, stderr }).toEqual({ stdout: 'false\n', stderr: '' });
});

describe('tools', () => {
  it('click-flatten', () => {
    const args = [
      '-e',
      'elementclass Foo { $a | input -> Paint($a) -> output } Idle -> f :: Foo($x) -> Discard',
      'x=2',
    ];
    expect(run('click-flatten', args).stdout).toBe(
      [
        'define($x 2);',
        '',
        '# 1 "config"',
        'Idle@1 :: Idle;',
        '# 1 "config"',
        'Discard@3 :: Discard;',
        '# 1 "config"',
        'f/Paint@1 :: Paint($x);',
        '# 10 ""',
        'Idle@1 -> f/Paint@1',
        '    -> Discard@3;',
        '',
      ].join('\n'),
    );
    expect(run('click-flatten', ['--expand-vars', '--config', ...args]).stdout).toContain(
      'f/Paint@1 :: Paint(2);',
    );
    expect(run('click-flatten', ['-c', ...args]).stdout).toBe('Discard\nIdle\nPaint\n');
    expect(run('click-flatten', ['-n', ...args]).stdout).toBe('Discard@3\nIdle@1\nf/Paint@1\n');
    expect(run('click-flatten', ['-d', ...args]).stdout).toContain('Idle@1 :: Idle\n');
  });

  it('click-check', () => {
    expectMessages(
      run('click-check', ['-e', 'Idle -> Discard']),
      0,
      'config: configuration OK in userlevel driver\n',
    );
    expect(run('click-check', ['-pe', 'Idle -> Discard']).stdout).toContain('Idle@1 -> Discard@2;');
    expect(run('click-check', ['-e', 'q :: Queue; Idle -> q'])).toMatchObject({ status: 1, stdout: '' });
    // Arguments may be right on another host.
    expectMessages(
      run('click-check', ['-e', 'Idle -> Paint(x) -> Discard']),
      0,
      expect.stringMatching(
        /^config:1: While configuring 'Paint@2 :: Paint':\n {2}warning: COLOR: .*\nconfig: configuration OK in userlevel driver\n$/,
      ),
    );
    expectMessages(
      run('click-check', ['-l', '-e', 'Idle -> Discard']),
      1,
      'config: Click compiled without support for linuxmodule driver\n',
    );
  });

  it('click-combine and click-uncombine, through an archive', () => {
    writeFileSync(join(dir, 'AI'), 'x :: Idle -> y :: ToDevice(eth1)');
    writeFileSync(join(dir, 'BI'), 'x :: FromDevice(eth0) -> y :: Discard');
    const combined = run('click-combine', ['-n', 'A', '-f', 'AI', 'B=BI', 'A.eth1=B.eth0', '-o', 'C']);
    expectMessages(combined, 0, '');
    expect(readFileSync(join(dir, 'C'), 'latin1')).toMatch(/^!<arch>\nconfig {10}/);
    expect(run('click-flatten', ['--config', 'C']).stdout).toContain('A/x -> link1\n    -> B/y;');
    expect(run('click-uncombine', ['C', 'B']).stdout).toContain('x :: FromDevice(eth0);');
    expect(run('click-uncombine', ['C', 'D'])).toMatchObject({
      status: 1,
      stderr: "click-uncombine: C: no 'D' component\n",
    });
  });

  it('click-xform, click-undead, click-align, click-fastclassifier, click-devirtualize write a configuration', () => {
    writeFileSync(
      join(dir, 'PAT'),
      'elementclass A { input -> Null -> Null -> output } elementclass A_Replacement { input -> Null -> output }',
    );
    expect(run('click-xform', ['-p', 'PAT', '-e', 'Idle -> Null -> Null -> Null -> Discard']).stdout).toMatch(
      /# 1 "PAT"\nNull@2 :: Null;[\s\S]*Idle@1 -> Null@2\n {4}-> Discard@5;\n$/,
    );
    const source = 'InfiniteSource -> Null -> Discard';
    expect(run('click-undead', ['-e', source]).stdout).toMatch(/InfiniteSource@1 -> Discard@3;\n$/);
    for (const tool of ['click-align', 'click-fastclassifier', 'click-devirtualize'])
      expect(run(tool, ['-e', source]).stdout).toMatch(/InfiniteSource@1 -> Null@2\n {4}-> Discard@3;\n$/);
  });

  it('click-pretty, click-viz, click2xml, xml2click', () => {
    const source = ['-e', 'i :: Idle -> Discard // end'];
    const page = run('click-pretty', source).stdout;
    expect(page).toContain("<span class='c-cmt'>// end</span>");
    expect(page).toContain('<a name="et-i"><b>i</b></a> :: Idle');
    expect(run('click-viz', source).stdout).toBe(run('click-pretty', ['--dot', ...source]).stdout);
    expect(run('click-pretty', ['-T', '<~elements entry="<~name>:<~type>" sep=" ">', ...source]).stdout).toBe(
      'Discard@2:Discard i:Idle',
    );
    const xml = run('click2xml', source).stdout;
    expect(xml).toContain('<connection from="i" fromport="0" to="Discard@2" toport="0" processing="h" />');
    expect(run('xml2click', [], xml).stdout).toBe(
      '# 1 "config"\ni :: Idle;\n# 1 "config"\nDiscard@2 :: Discard;\n# 6 ""\ni -> Discard@2;\n',
    );
  });

  it('click-buildtool provides', () => {
    expect(run('click-buildtool', ['provides', 'userlevel', 'Counter']).status).toBe(0);
    expect(run('click-buildtool', ['provides', 'linuxmodule']).status).toBe(1);
    expect(run('click-buildtool', ['provides', '-l', 'linuxmodule|Idle']).stdout).toBe('1\n');
  });

  it('usage', () => {
    for (const tool of [
      'align',
      'check',
      'combine',
      'flatten',
      'pretty',
      'uncombine',
      'undead',
      'viz',
      'xform',
    ]) {
      expect(run(`click-${tool}`, ['--help']).stdout).toContain(`Usage: click-${tool} [OPTION]...`);
      expect(run(`click-${tool}`, ['--nonsense']).status).toBe(1);
    }
  });
});
