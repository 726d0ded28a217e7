/** Flags for the compiler where many units are made: with calls instead of inlined code they do the same (test/fuzz inlines). */

import { findCompiler } from '../src/engine/fuse/compiler.ts';

/** What a unit does not use must go. */
export const QUICK = findCompiler()?.version.includes('clang')
  ? '-O1'
  : '-O0 -fno-keep-static-consts -D__always_inline__=__unused__';
