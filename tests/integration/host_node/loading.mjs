// What is refused before the first call, with words that name the file and what is wrong with it.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Caisson, CaissonError, LoadError, config, open } from './support.mjs';
import { diag, is, ok, rejected } from './tap.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'caisson-node-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

// A plugin that is wrong in one way: see odd_plugin.c.
function odd(name, ...defines) {
  const path = join(folder, `${name}.so`);
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    `-I${join(here, '../../../abi')}`,
    ...defines.map((d) => `-D${d}`),
    '-o',
    path,
    join(here, 'odd_plugin.c'),
  ]);
  return path;
}

async function refused(path, words, name) {
  const error = await rejected(Caisson.load(path, config), name);
  ok(
    error instanceof LoadError &&
      error.message.includes(String(path)) &&
      error.message.includes(words),
    `... and says: ${words}`,
  );
}

async function files() {
  await refused('caisson.so', 'absolute', 'a relative path is refused');
  await refused(undefined, 'absolute', 'so is none');
  await refused('/nowhere/caisson.so', 'no such file', 'a file that is not there');
  await refused(folder, 'not a regular file', 'a folder');
  await refused(fileURLToPath(import.meta.url), 'cannot be loaded', 'a file that is no library');
}

async function tables() {
  await refused(
    odd('none', 'ENTRY=another'),
    'does not export caisson_plugin_v1',
    'a library that is no plugin',
  );
  await refused(odd('null', 'TABLE=NULL'), 'wrong magic', 'no table');
  await refused(odd('magic', 'MAGIC=7'), 'wrong magic', 'another magic number');
  await refused(odd('minor', 'NEEDS=9'), '1.9', 'a plugin that needs a newer host');
  await refused(
    odd('short', 'SIZE=offsetof(caisson_plugin,destroy)'),
    '`destroy`',
    'a table that ends before a member, whatever lies behind it',
  );
  await refused(odd('hole', 'CREATE=NULL'), '`create`', 'a member that is NULL');
  await refused(odd('calls', 'QUEUES=NULL'), 'caisson.async/1', 'a plugin without the extension');
  await refused(
    odd('queues', 'QUEUES_SIZE=offsetof(caisson_async,queue_close)'),
    '`queue_close`',
    'an extension that ends before a member',
  );
  const newer = await Caisson.load(odd('newer', 'MINOR=7', 'SIZE=4096'), config);
  is(
    newer.plugin,
    { id: 'odd', version: '0', buildId: 'odd', abiMinor: 7 },
    'a newer plugin is taken',
  );
  await newer.close();
}

async function configurations() {
  const load = (document) => Caisson.load(process.env.CAISSON_PLUGIN, document);
  let error = await rejected(
    load({ ...config, sandbox: { imagee: 'x' } }),
    'a configuration that is wrong',
  );
  ok(
    error instanceof CaissonError &&
      error.code === 'CAISSON_E_CONFIG' &&
      error.status === -2 &&
      error.reason === 'config.invalid' &&
      error.message.includes('imagee'),
    'is refused by path',
  );
  error = await rejected(load('{nonsense'), 'text that is no JSON too');
  is(error.code, 'CAISSON_E_CONFIG', 'by the plugin');
  error = await rejected(
    load({ ...config, engine: { endpoint: 'unix:///nowhere.sock' } }),
    'an engine that is not there',
  );
  ok(
    error.code === 'CAISSON_E_ENGINE' &&
      error.reason === 'engine.unreachable' &&
      error.message.includes('/nowhere.sock'),
    'is named',
  );
  error = await rejected(load(42), 'a number');
  is(error.code, 'CAISSON_E_CONFIG', 'likewise');
}

async function offers() {
  const box = await open();
  ok(box.plugin.id === 'caisson' && box.plugin.buildId, 'the plugin says which it is');
  const shell = box.tools().find(({ name }) => name === 'shell');
  ok(
    shell.inputSchema.properties.command && shell.description,
    'tools() has the tools, as MCP has them',
  );
  ok(
    box.operations().some(({ name }) => name === 'session.list'),
    'operations() has the operations',
  );
  await box.close();
}

// The structs are those of caisson.h: abi/layout.c has every offset. They are not exported, so a
// copy of the module is looked into.
async function layout() {
  const names = {
    str: 'Str',
    error: 'ErrorStruct',
    host: 'Host',
    request: 'Request',
    result: 'ResultStruct',
    event: 'Event',
    plugin: 'PLUGIN.struct',
    async: 'QUEUES.struct',
  };
  const found = Object.entries(names).map(([name, expression]) => `${name}: ${expression}`);
  const copy = join(process.env.CAISSON_NODE, `layout-${process.pid}.mjs`);
  process.on('exit', () => rmSync(copy, { force: true }));
  const source = readFileSync(join(process.env.CAISSON_NODE, 'caisson.mjs'), 'utf8');
  writeFileSync(copy, `${source}\nexport { koffi };\nexport const structs = { ${found} };\n`);
  const { koffi, structs } = await import(copy);
  const promises = readFileSync(join(here, '../../../abi/layout.c'), 'utf8').matchAll(
    /^(?:AT|SIZE)\(caisson_(\w+), (?:(\w+), )?(\d+)\);$/gm,
  );
  const seen = new Set();
  const wrong = [];
  for (const [line, name, member, value] of promises) {
    if (!structs[name]) continue;
    seen.add(name);
    const got = member ? koffi.offsetof(structs[name], member) : koffi.sizeof(structs[name]);
    if (got !== Number(value)) wrong.push(`${line}: ${got}`);
  }
  is(wrong, [], 'the structs are laid out as caisson.h has them');
  is([...seen].sort(), Object.keys(names).sort(), 'all of them');
}

// The examples are run as they stand, but for where module and plugin are and what is configured.
async function examples() {
  for (const [document, wanted] of [
    ['README.md', '0 42\n'],
    ['host_demo/README.md', 'exited 0 Linux '],
  ]) {
    const [, example] = readFileSync(join(here, '../../..', document), 'utf8').match(
      /^```js\n(.*?)^```/ms,
    );
    const made = example
      .replace(/'[./a-z]*caisson\.mjs'/, `'${process.env.CAISSON_NODE}/caisson.mjs'`)
      .replace(', { config_version: 1 }', '')
      .replace(/'[^']*\.so'/, JSON.stringify([process.env.CAISSON_PLUGIN, config]).slice(1, -1));
    const args = ['--input-type=module', '-e', made];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    ok(status === 0 && stdout.includes(wanted), `the example in ${document}`) ||
      diag(`${stdout}${stderr}`);
  }
  const box = await open();
  await box.operation('session.remove', {}, { session: 'chat-42' });
  await box.close();
}

export async function loading() {
  await layout();
  await examples();
  await files();
  await tables();
  await configurations();
  await offers();
}
