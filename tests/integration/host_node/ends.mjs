// Ends: close() and the end of a thread or a process while calls run. Nothing crashes, hangs, or goes
// on in a sandbox.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { open, running, until } from './support.mjs';
import { diag, is, ok, rejected } from './tap.mjs';

const LEAVE = fileURLToPath(new URL('leave.mjs', import.meta.url));

async function closing() {
  const box = await open();
  let begun = 0;
  const calls = [];
  for (let i = 0; i < 10; i++) {
    calls.push(
      box.call(
        'shell',
        { command: 'echo begun; sleep 7201' },
        {
          session: 'ends',
          onOutput:
            i % 2
              ? () => {
                  begun += 1;
                }
              : undefined,
        },
      ),
    );
  }
  const held = box.call(
    'shell',
    { command: 'yes 7202' },
    { session: 'ends', onOutput: () => new Promise(() => {}) },
  );
  ok(await until(() => begun === 5), 'calls run');
  await box.close();
  const outcomes = (await Promise.all([...calls, held])).map(({ outcome }) => outcome);
  is(outcomes, Array(11).fill('cancelled'), 'close() cancels them, and each has its result');
  is(box.close(), box.close(), 'closing again is the same');
  is(
    (await rejected(box.call('shell', {}, { session: 'ends' }), 'a call after it')).code,
    'CAISSON_E_STATE',
    'is refused',
  );
  const again = await open();
  is(await running(again, 'ends', '720'), [], 'nothing of them is left; the session is');
  const dispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');
  await again[dispose]();
  await rejected(again.operation('session.list'), '`await using` closes it too');
}

async function workers() {
  const ends = await Promise.all(
    ['echo', 'echo', 'leave'].map(async (what) => {
      const worker = new Worker(LEAVE, { argv: [what, `worker ${what}`] });
      const messages = [];
      worker.on('message', (message) => messages.push(message));
      const [code] = await once(worker, 'exit');
      return [code, messages[0]];
    }),
  );
  is(
    ends,
    [
      [0, '42\n'],
      [0, '42\n'],
      [7, 'begun\n'],
    ],
    'worker threads have instances of their own',
  );
  const worker = new Worker(LEAVE, { argv: ['wait', 'worker wait'] });
  await once(worker, 'message');
  await worker.terminate();
  const box = await open();
  const { exitCode } = await box.call('shell', { command: 'true' }, { session: 'worker wait' });
  is(exitCode, 0, 'one that is terminated in the middle of a call leaves the others whole');
  is(await running(box, 'worker leave', '7203'), [], 'one that exits ends its calls');
  await box.close();
}

async function leave(what, session) {
  const child = spawn(process.execPath, [LEAVE, what, session], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, out, err };
}

async function processes() {
  const ways = { leave: 7, throw: 1, early: 7, idle: 0, closing: 7 };
  const ends = await Promise.all(Object.keys(ways).map((what) => leave(what, `process ${what}`)));
  Object.keys(ways).forEach((what, i) => {
    is(
      [ends[i].code, ends[i].signal],
      [ways[what], null],
      `a process that ends thus keeps its exit code: ${what}`,
    ) || diag(ends[i].err);
  });
  ok(ends[1].err.includes('thrown on purpose'), 'and what it threw is seen');
  const killed = await leave('kill', 'process kill');
  is(killed.signal, 'SIGKILL', 'one is killed');
  const box = await open();
  const left = async (what) => (await running(box, `process ${what}`, '7203')).length;
  is(
    [await left('leave'), await left('throw'), await left('closing')],
    [0, 0, 0],
    'what ran for them is dead when they have ended',
  );
  ok(await until(async () => (await left('kill')) === 0), 'and soon also after a kill');
  await box.close();
}

export async function ends() {
  await closing();
  await workers();
  await processes();
}
