// Output as it comes, at its listener's pace; input from strings, bytes and streams.
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { AbortError, open, running, until } from './support.mjs';
import { diag, is, ok, rejected } from './tap.mjs';

const MIB = 1024 * 1024;
let box;
const shell = (command, how) => box.call('shell', { command }, { session: 'streams', ...how });

async function live() {
  const seen = { stdout: '', stderr: '' };
  let over = false;
  // The command goes on once the host has seen its first line.
  const call = shell(
    'echo first; echo problem >&2; until [ -e go ]; do sleep 0.05; done; echo second',
    {
      onOutput(chunk, stream) {
        seen[stream] += chunk;
      },
    },
  ).finally(() => {
    over = true;
  });
  ok(
    await until(() => seen.stdout === 'first\n' && seen.stderr === 'problem\n'),
    'output comes by stream',
  );
  ok(!over, 'while the command runs');
  await shell('touch go');
  await call;
  is(seen, { stdout: 'first\nsecond\n', stderr: 'problem\n' }, 'and the rest when it is there');
}

async function bytes() {
  const hash = createHash('sha256');
  let total = 0;
  const { structuredContent } = await shell(
    'head -c 20000000 /dev/urandom | tee data; sha256sum data >&2',
    {
      onOutput(chunk, stream) {
        if (stream === 'stdout') total += hash.update(chunk) && chunk.length;
      },
    },
  );
  is(total, 20_000_000, 'any bytes come, all of them');
  is(structuredContent.stderr.split(' ')[0], hash.digest('hex'), 'as they were');
  await shell('rm data');
}

// A listener that takes its time: the command waits, other calls do not, and nothing piles up here.
async function backPressure() {
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  let total = 0;
  const loud = shell(
    'i=0; while [ $i -lt 512 ]; do head -c 524288 /dev/zero; i=$((i+1)); echo $i > count; done',
    {
      onOutput(chunk) {
        total += chunk.length;
        return total === chunk.length ? held : undefined;
      },
    },
  );
  ok(await until(() => total > 0), 'a listener that returns a promise has the first piece');
  const first = total;
  let before = -1;
  const counted = async () =>
    Number((await shell('sleep 0.5; cat count || echo 0')).structuredContent.stdout);
  ok(
    await until(async () => {
      const last = before;
      before = await counted();
      return before === last;
    }),
    'the command comes to a stand',
  );
  ok(before < 256, `before half of its 256 MiB (at ${before} of 512 pieces)`);
  is(total, first, 'no more is delivered meanwhile');
  let others = '';
  await shell('echo other', {
    onOutput(chunk) {
      others += chunk;
    },
  });
  is(others, 'other\n', 'other calls with listeners go on');
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }, 5);
  release();
  const result = await loud;
  clearInterval(timer);
  is([total, result.bytesOut], [256 * MIB, 256 * MIB], 'once it takes more, all of it comes');
  ok(
    peak < 160 * MIB,
    `and is not gathered here (${Math.round(peak / MIB)} MiB of buffers at most)`,
  );
}

async function heldAndEnded() {
  const control = new AbortController();
  const never = new Promise(() => {});
  const call = shell('yes 7101', {
    signal: control.signal,
    onOutput() {
      setTimeout(() => control.abort(), 200);
      return never;
    },
  });
  ok(
    (await rejected(call, 'a call whose listener never comes back')) instanceof AbortError,
    'is aborted all the same',
  );
  is(await running(box, 'streams', '7101'), [], 'and its command is dead');
  let error = await rejected(
    shell('yes 7102', {
      onOutput() {
        throw new Error('sync');
      },
    }),
    'a listener that throws',
  );
  is(error.message, 'sync', 'ends the call with what it threw');
  error = await rejected(
    shell('yes 7102', {
      async onOutput() {
        throw new Error('async');
      },
    }),
    'one that rejects',
  );
  is(error.message, 'async', 'likewise');
  is(await running(box, 'streams', '7102'), [], 'nothing is left of them');
}

async function iteration() {
  const output = box.stream(
    'shell',
    { command: 'for i in 1 2 3; do echo $i; sleep 0.1; done; echo no >&2; exit 4' },
    { session: 'streams' },
  );
  const seen = { stdout: '', stderr: '' };
  for await (const { stream, chunk } of output) seen[stream] += chunk;
  is(seen, { stdout: '1\n2\n3\n', stderr: 'no\n' }, 'stream() is iterated over');
  is((await output.result).exitCode, 4, 'and has the result');
  const endless = box.stream('shell', { command: 'yes 7103' }, { session: 'streams' });
  let pieces = 0;
  for await (const { chunk } of endless) {
    pieces += chunk.length > 0;
    if (pieces === 3) break;
    await sleep(20);
  }
  const error = await rejected(endless.result, 'leaving it early');
  ok(error instanceof AbortError && pieces === 3, 'aborts the call');
  is(await running(box, 'streams', '7103'), [], 'and ends the command');
  const unknown = await rejected(
    (async () => {
      for await (const piece of box.stream('shel', {}, { session: 'streams' })) diag(piece);
    })(),
    'a call that cannot be made',
  );
  is(unknown.reason, 'tool.unknown', 'throws out of the loop');
}

async function input() {
  const cat = async (stdin) => (await shell('cat', { stdin })).structuredContent.stdout;
  is(await cat('a string\n'), 'a string\n', 'stdin from a string');
  is(await cat(''), '', 'from an empty one');
  is(await cat(Buffer.from('bytes')), 'bytes', 'from bytes');
  is(
    await cat(['a', Buffer.from('b'), '', new Uint8Array([99])]),
    'abc',
    'from an array of pieces',
  );
  is(await cat(Readable.from(['read', 'able'])), 'readable', 'from a stream');
  const large = randomBytes(3 * MIB);
  is(
    (await shell('sha256sum', { stdin: large })).structuredContent.stdout.split(' ')[0],
    createHash('sha256').update(large).digest('hex'),
    'from a large buffer, whole',
  );
  let closed = false;
  const endless = async function* pieces() {
    try {
      for (;;) yield Buffer.alloc(100_000);
    } finally {
      closed = true;
    }
  };
  is(
    (await shell('head -c 10 | wc -c', { stdin: endless() })).structuredContent.stdout,
    '10\n',
    'a command that reads a part of an endless one ends',
  );
  ok(await until(() => closed), 'and the source is closed');
  const error = await rejected(
    shell('cat; echo 7104', {
      stdin: (async function* pieces() {
        yield 'a';
        throw new Error('of the source');
      })(),
    }),
    'a source that fails',
  );
  is(
    error.message,
    'of the source',
    'ends the call with its error, and no part passes for the whole',
  );
  const stubborn = (function* pieces() {
    try {
      for (;;) yield 'a';
    } finally {
      throw new Error('of its end');
    }
  })();
  is(
    (await shell('head -c 3', { stdin: stubborn })).structuredContent.stdout,
    'aaa',
    'a source that cannot be closed changes nothing',
  );
  is(
    (await rejected(shell('cat', { stdin: [7] }), 'pieces that are no bytes')).name,
    'TypeError',
    'are refused',
  );
}

async function upload() {
  const hash = createHash('sha256');
  const source = async function* pieces() {
    for (let i = 0; i < 200; i++) {
      const piece = randomBytes(1 + ((i * 7919) % 200_000));
      hash.update(piece);
      yield piece;
      if (i % 20 === 0) await sleep(1);
    }
  };
  const result = await box.operation(
    'file.upload',
    { name: 'up.bin' },
    { session: 'streams', stdin: source() },
  );
  const { path } = result.structuredContent;
  ok(!result.isError && path, 'an upload from a stream') || diag(result.json);
  is(
    (await shell(`sha256sum '${path}'`)).structuredContent.stdout.split(' ')[0],
    hash.digest('hex'),
    'arrives as it was',
  );
}

export async function streams() {
  box = await open();
  await live();
  await bytes();
  await backPressure();
  await heldAndEnded();
  await iteration();
  await input();
  await upload();
  await box.close();
}
