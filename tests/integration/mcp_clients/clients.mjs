// The official clients, each talking to caisson-host mcp: that of SDK 1 (revision 2025-11-25) and that of
// SDK 2 in both of its ways (2026-07-28, and with initialize). They check every result against the
// tool's output schema by themselves.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { Client as Client2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';

import { diag, doneTesting, is, ok, rejected } from './tap.mjs';

const { env } = process;
const PATIENCE_MS = 60_000 * Number(env.CAISSON_SLOW ?? 1);
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const server = { command: env.CAISSON_HOST, args: ['mcp'], env, stderr: 'ignore' };
const info = { name: 'test', version: '1' };

async function until(holds) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(20)) {
    if (await holds()) return true;
  }
  return false;
}

/** Processes of this machine that have this as a word of their own. */
async function running(word) {
  const { readdirSync } = await import('node:fs');
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
    } catch {
      return false;
    }
  });
}

/** One call of every tool: [tool, arguments, what the text must have]. */
const calls = [
  ['shell', { command: 'echo from the shell' }, 'from the shell'],
  ['run_python', { code: 'print(6 * 7)' }, '42'],
  ['write', { path: 'a/file.txt', content: 'one\ntwo\n' }, 'file.txt'],
  ['read', { path: 'a/file.txt' }, 'two'],
  ['edit', { path: 'a/file.txt', old_string: 'two', new_string: 'three' }, 'three'],
  ['glob', { pattern: '**/*.txt' }, 'a/file.txt'],
  ['grep', { pattern: 'thr.e', output_mode: 'content' }, 'three'],
  ['list', { path: 'a' }, 'file.txt'],
];

async function everyTool(client, options) {
  const { tools } = await client.listTools();
  const left = new Set(tools.map((tool) => tool.name));
  for (const [name, args, words] of calls) {
    const { content, isError } = await client.callTool({ name, arguments: args }, ...options());
    ok(!isError && content[0].text.includes(words), name) || diag(JSON.stringify(content));
    left.delete(name);
  }
  const started = await client.callTool(
    { name: 'shell', arguments: { command: 'echo job; sleep 600', background: true } }, ...options());
  const id = started.structuredContent.job_id;
  const seen = await client.callTool(
    { name: 'shell_output', arguments: { job_id: id, wait_ms: 20000 } }, ...options());
  ok(seen.content[0].text.includes('job'), 'shell_output') || diag(JSON.stringify(seen));
  const killed = await client.callTool({ name: 'shell_kill', arguments: { job_id: id } }, ...options());
  ok(!killed.isError, 'shell_kill') || diag(JSON.stringify(killed));
  left.delete('shell_output');
  left.delete('shell_kill');
  is([...left], [], 'that was every tool');
}

async function image(client, options) {
  const command = `echo ${PNG} | base64 -d > dot.png`;
  await client.callTool({ name: 'shell', arguments: { command } }, ...options());
  const { content } = await client.callTool({ name: 'read', arguments: { path: 'dot.png' } }, ...options());
  const found = content.find((block) => block.type === 'image');
  is([found?.mimeType, found?.data], ['image/png', PNG], 'an image comes as an image');
}

async function errors(client, options) {
  const failed = await client.callTool({ name: 'read', arguments: { path: 'none' } }, ...options());
  ok(failed.isError, 'what a tool cannot do is an error of the tool');
  const unknown = await rejected(
    client.callTool({ name: 'no_tool', arguments: {} }, ...options()), 'an unknown tool is one of the protocol');
  is(unknown.code, -32602, 'with its code');
}

async function progress(client, options) {
  const told = [];
  const command = 'for i in 1 2 3; do echo line $i; sleep 0.2; done';
  await client.callTool({ name: 'shell', arguments: { command } },
    ...options({ onprogress: ({ message }) => told.push(message) }));
  ok(told.length >= 3, 'output comes while the command runs') || diag(JSON.stringify(told));
  ok(told.join('').includes('line 1\nline 2\nline 3\n'), 'and all of it') || diag(JSON.stringify(told));
}

async function cancel(client, options) {
  const word = `95${process.pid}.${Math.floor(Math.random() * 1e9)}`;
  const stop = new AbortController();
  const call = client.callTool({ name: 'shell', arguments: { command: `sleep ${word}; true` } },
    ...options({ signal: stop.signal }));
  const ended = rejected(call, 'a cancelled call is rejected');
  ok(await until(async () => (await running(word)).length > 0), 'it runs');
  stop.abort('enough');
  await ended;
  ok(await until(async () => (await running(word)).length === 0), 'and then no more');
}

async function atOnce(client, options) {
  const numbers = [...Array(100).keys()];
  const answers = await Promise.all(numbers.map((i) =>
    client.callTool({ name: 'shell', arguments: { command: `echo ${i}` } }, ...options())));
  is(answers.map((a) => a.structuredContent.stdout), numbers.map((i) => `${i}\n`), '100 calls at once');
}

/** SIGHUP makes the server take its plugin anew. */
async function swap(transport, changes) {
  process.kill(transport.pid, 'SIGHUP');
  ok(await until(() => changes.length > 0), 'after a swap it hears that the tools may have changed');
}

async function all(name, client, options) {
  diag(`---- ${name}`);
  await everyTool(client, options);
  await image(client, options);
  await errors(client, options);
  await progress(client, options);
  await cancel(client, options);
  await atOnce(client, options);
}

async function sdk1() {
  const client = new Client1(info);
  const transport = new Stdio1(server);
  const changes = [], logged = [];
  client.setNotificationHandler(ToolListChangedNotificationSchema, (n) => changes.push(n));
  client.setNotificationHandler(LoggingMessageNotificationSchema, (n) => logged.push(n));
  await client.connect(transport);
  is(client.getServerVersion().name, 'caisson', 'SDK 1 connects');
  await client.ping();
  await client.setLoggingLevel('debug');
  // The second parameter is a schema for the result; undefined: the usual one.
  await all('SDK 1', client, (own = {}) => [undefined, { timeout: PATIENCE_MS, ...own }]);
  ok(logged.length > 0, 'it hears the log');
  await swap(transport, changes);
  await client.close();
}

async function sdk2(name, mode, version) {
  const client = new Client2(info, { versionNegotiation: { mode } });
  const transport = new Stdio2(server);
  const changes = [];
  client.setNotificationHandler('notifications/tools/list_changed', (n) => changes.push(n));
  await client.connect(transport);
  is(client.getNegotiatedProtocolVersion(), version, `${name} speaks ${version}`);
  await all(name, client, (own = {}) => [{ timeout: PATIENCE_MS, ...own }]);
  if (version === '2026-07-28') {
    const subscription = await client.listen({ toolsListChanged: true });
    await swap(transport, changes);
    await subscription.close();
  } else {
    await swap(transport, changes);
  }
  await client.close();
}

await sdk1();
await sdk2('SDK 2', { pin: '2026-07-28' }, '2026-07-28');
await sdk2('SDK 2, automatic', 'auto', '2026-07-28');
await sdk2('SDK 2, legacy', 'legacy', '2025-11-25');
doneTesting();
