/** Click's own commands, in one bundle that bin/launch.js loads: each module runs its command when it is imported. */

const COMMANDS: Record<string, () => Promise<unknown>> = {
  click: () => import('./click.ts'),
  'click-align': () => import('./tools/align.ts'),
  'click-buildtool': () => import('./tools/buildtool.ts'),
  'click-check': () => import('./tools/check.ts'),
  'click-combine': () => import('./tools/combine.ts'),
  'click-devirtualize': () => import('./tools/devirtualize.ts'),
  'click-fastclassifier': () => import('./tools/fastclassifier.ts'),
  'click-flatten': () => import('./tools/flatten.ts'),
  'click-pretty': () => import('./tools/pretty.ts'),
  'click-uncombine': () => import('./tools/uncombine.ts'),
  'click-undead': () => import('./tools/undead.ts'),
  'click-viz': () => import('./tools/viz.ts'),
  'click-xform': () => import('./tools/xform.ts'),
  click2xml: () => import('./tools/click2xml.ts'),
  xml2click: () => import('./tools/xml2click.ts'),
};

/** Run a command; its exit status is the process's when it is done. */
export async function run(name: string): Promise<void> {
  await COMMANDS[name]!();
}
