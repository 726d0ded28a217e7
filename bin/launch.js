/**
 * Loads the bundle of Click's own commands. Compiling it takes longer than running it, so V8's code cache of an
 * earlier run is used where there is one (scripts/code-cache.mjs makes it); V8 refuses a cache of another version.
 */
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { constants, Script } = require('node:vm');

const bundle = join(__dirname, '..', 'dist', 'commands.cjs');

function load() {
  let cachedData;
  try {
    cachedData = readFileSync(`${bundle}.cache`);
  } catch {
    // It works without, a little later.
  }
  const source = `(function (module, exports, require, __filename, __dirname) {${readFileSync(bundle, 'utf8')}\n})`;
  const script = new Script(source, {
    filename: bundle,
    cachedData,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module, module.exports, createRequire(bundle), bundle, dirname(bundle));
  return { script, run: module.exports.run };
}

exports.load = load;
exports.run = (name) => load().run(name);
