/** Guest images made for one configuration: its fused unit and only the elements in use, in one ELF file. */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../native.ts';
import { packagePath } from '../paths.ts';
import type { Configuration } from '../router.ts';
import { compileCached, findCompiler, run, withFlags } from './compiler.ts';
import { fusedSource } from './index.ts';

/** As native/guest/CMakeLists.txt compiles the generic image, and as units are compiled (compiler.ts). */
const GUEST_FLAGS =
  '-std=gnu11 -O3 -DCLICKLET_GUEST -ffreestanding -fbuiltin -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -march=x86-64 -mtune=generic -fno-tree-slp-vectorize -g0 -w'.split(
    ' ',
  );
/** muldefs: the unit has its own copy of what classes share, and a class's object, if it is asked for, has it too. */
const LINK_FLAGS =
  '-nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,muldefs -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -Wl,--gc-sections -Wl,--no-dynamic-linker'.split(
    ' ',
  );

/** The plan lies in its own section, so that the image boots by itself and says what it runs. */
const planSource = (planFile: string) => `
    .section .rodata.plan, "a"
    .globl image_plan, image_plan_end
    .balign 8
image_plan:
    .incbin ${JSON.stringify(planFile)}
image_plan_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
`;

const PLAN_HEADER = Buffer.from('KPLN\x01\0\0\0', 'latin1');

/** The plan inside an image from `buildImage`; undefined if `bytes` are no such image. */
export function imagePlan(bytes: Buffer): Buffer | undefined {
  if (bytes.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  for (let at = bytes.indexOf(PLAN_HEADER); at >= 0; at = bytes.indexOf(PLAN_HEADER, at + 1)) {
    const size = at + 12 <= bytes.length ? bytes.readUInt32LE(at + 8) : 0;
    if (size >= 68 && at + size <= bytes.length) return bytes.subarray(at, at + size);
  }
  return undefined;
}

/** All objects of the generic image. */
function objects(): string[] {
  const folder = packagePath('build', 'guest', 'CMakeFiles', 'clicklet_guest_objects.dir');
  if (!existsSync(folder))
    throw new HostError("the guest's objects are not built: run 'npm run build:native'");
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(folder, name));
}

/** Links an image for a configuration that was compiled for the guest. Throws HostError without a compiler. */
export async function buildImage(
  configuration: Configuration,
  output: string,
  signal?: AbortSignal,
): Promise<void> {
  const compiler = findCompiler();
  if (!compiler)
    throw new HostError('building an image needs a C compiler (cc, gcc or clang): apt-get install gcc');
  const isElement = (file: string) => /\/elements\/\w+\/\w+\.c\.o$/.test(file);
  const all = objects();
  // A class is in the image if its symbol is asked for; what its file uses comes along.
  const classes = new Set(configuration.graph.elements.map(({ class: c }) => c.aliasOf ?? c.name));
  const dir = mkdtempSync(join(tmpdir(), 'clicklet-image-'));
  const at = (name: string) => join(dir, name);
  try {
    const options = [...withFlags(GUEST_FLAGS), '-c'];
    const unit = await compileCached(fusedSource(configuration).text, '.o', options, options, signal);
    writeFileSync(at('config.plan'), configuration.plan);
    writeFileSync(at('plan.S'), planSource(at('config.plan')));
    await run(compiler.command, ['-c', '-o', at('plan.o'), at('plan.S')], signal);
    await run(process.env.AR ?? 'ar', ['rcs', at('elements.a'), ...all.filter(isElement)], signal);
    const script = `-Wl,-T,${packagePath('native', 'guest', 'guest.ld')}`;
    await run(
      compiler.command,
      [
        ...LINK_FLAGS,
        script,
        '-o',
        output,
        ...[...classes].map((name) => `-Wl,-u,element_class_${name}`),
        ...all.filter((file) => !isElement(file)),
        unit.file,
        at('plan.o'),
        at('elements.a'),
        '-lgcc',
      ],
      signal,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
}
