// Calls: results, errors, many at once beside a loop that goes on, and aborts at any moment.
import { setTimeout as sleep } from 'node:timers/promises';

import { AbortError, CaissonError, open, running } from './support.mjs';
import { diag, is, ok, rejected } from './tap.mjs';

let box;
const shell = (command, how) => box.call('shell', { command }, { session: 'calls', ...how });

async function results() {
  let result = await shell('echo out; echo err >&2; exit 3');
  ok(
    result.status === 0 && result.outcome === 'exited' && result.exitCode === 3 && result.isError,
    'a command that fails is a result',
  );
  is(
    [result.structuredContent.stdout, result.structuredContent.stderr],
    ['out\n', 'err\n'],
    'with its output',
  );
  ok(
    result.text.includes('out') && JSON.parse(result.json).content.length === result.content.length,
    'as text, and as the plugin made it',
  );
  ok(
    result.flags.created && !result.flags.truncated && result.wallMs > 0 && result.bytesOut === 8,
    'and figures',
  );
  is(
    (await shell('printf "%s" "ä \u{1f600}"')).structuredContent.stdout,
    'ä \u{1f600}',
    'UTF-8 both ways',
  );
  is(
    (await box.call('run_python', { code: 'print(6 * 7)' }, { session: 'calls' })).structuredContent
      .stdout,
    '42\n',
    'another tool',
  );
  result = await box.call('shell', '{"command": "echo text"}', { session: 'calls' });
  is(result.structuredContent.stdout, 'text\n', 'arguments as the text that a model gave');
  result = await box.operation('session.inspect', {}, { session: 'calls' });
  ok(result.structuredContent.found, 'an operation');
  result = await shell('yes | head -c 300000', { outputLimit: 100 });
  ok(result.flags.truncated && result.text.length < 2000, 'a limit on the output');
  const own = await box.call('shell', { command: 'touch mine; ls' });
  is(own.structuredContent.stdout, 'mine\n', 'without a session the sandbox is of its own');
  const { sessions } = (await box.operation('session.list')).structuredContent;
  is(
    sessions.map(({ key }) => key),
    ['calls'],
    'and is gone when the call has resolved',
  );
}

async function errors() {
  let error = await rejected(
    box.call('shel', { command: 'true' }, { session: 'calls' }),
    'a tool that is not there',
  );
  ok(
    error instanceof CaissonError &&
      error.code === 'CAISSON_E_NOT_FOUND' &&
      error.reason === 'tool.unknown' &&
      !error.retryable &&
      error.message.includes('shell'),
    'is an error that says what there is',
  );
  ok(error.result.isError && error.result.text.includes('shell'), 'with a result for the model');
  error = await rejected(
    box.call('shell', { comand: 'true' }, { session: 'calls' }),
    'a wrong argument',
  );
  ok(
    error.code === 'CAISSON_E_ARGUMENTS' &&
      error.reason === 'arguments.invalid' &&
      error.message.includes('command'),
    'likewise',
  );
  is(error.hint, error.result.structuredContent.error.hint, "its hint is the result's");
  error = await rejected(
    box.call('shell', '{"command', { session: 'calls' }),
    'arguments that are no JSON',
  );
  is(error.code, 'CAISSON_E_ARGUMENTS', "are the model's mistake");
  error = await rejected(
    shell('true', { options: { ensure: 'sometimes' } }),
    'an option that is wrong',
  );
  is([error.code, error.reason], ['CAISSON_E_CONFIG', 'options.invalid'], "is the host's");
  error = await rejected(
    box.call('shell', { command: 'true' }, { session: 'none', options: { ensure: 'adopt' } }),
    'a session that is not there',
  );
  is(error.reason, 'session.missing', 'is not made against the options');
  error = await rejected(box.operation('shell', { command: 'true' }), 'a tool as an operation');
  is(error.reason, 'operation.unknown', 'is none');
  error = await rejected(box.call('shell', {}, { session: 'a\0b' }), 'a key with a NUL');
  ok(error.code === 'CAISSON_E_INVALID' && error.result === undefined, 'is a defect of the host');
  for (const args of [{ command: 'echo \ud800' }, '{"command": "echo \ud800"}']) {
    error = await rejected(box.call('shell', args, { session: 'calls' }), 'half a character');
    is(error.reason, 'arguments.invalid', 'is no text of a command, nor replaced by another');
  }
  for (const [how, word] of [
    [{ sesion: 'x' }, 'sesion'],
    [{ session: 7 }, 'session'],
    [{ deadlineMs: -1 }, 'deadlineMs'],
    [{ stdin: 7 }, 'stdin'],
    [{ signal: 7 }, 'signal'],
    [{ onOutput: 'print' }, 'onOutput'],
    [{ onProgress: 7 }, 'onProgress'],
    [{ session: 'a\ud800' }, 'session'],
  ]) {
    error = await rejected(
      box.call('shell', { command: 'true' }, how),
      `an option of call() that is wrong: ${word}`,
    );
    ok(error instanceof TypeError && error.message.includes(word), 'is named');
  }
}

async function deadline() {
  const result = await shell('echo begun; exec sleep 7001', { deadlineMs: 1500 });
  is(
    [result.outcome, result.exitCode, result.structuredContent.stdout],
    ['deadline', 124, 'begun\n'],
    'a deadline ends the command, and what it printed is there',
  );
  is(await running(box, 'calls', '7001'), [], 'nothing of it is left');
}

async function parallel() {
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 10);
  const streamed = new Map();
  const calls = [];
  for (let i = 0; i < 100; i++) {
    const onOutput =
      i % 10 ? (chunk) => streamed.set(i, (streamed.get(i) ?? '') + chunk) : undefined;
    calls.push(shell(`sleep 1; echo number ${i}`, { session: `many ${i % 4}`, onOutput }));
  }
  const results = await Promise.all(calls);
  clearInterval(timer);
  const wrong = results.filter(
    (r, i) => r.exitCode !== 0 || r.structuredContent.stdout !== `number ${i}\n`,
  );
  ok(wrong.length === 0, '100 calls at once, each with its own result') ||
    diag(JSON.stringify(wrong[0]));
  ok(
    [...streamed].every(([i, text]) => text === `number ${i}\n`) && streamed.size === 90,
    'and 90 of them with their own output as it comes',
  );
  ok(ticks >= 10, `the loop went on meanwhile: ${ticks} turns of a timer`);
}

// Whatever the moment, one of two things: it was cancelled, or it had ended before.
async function abortAfter(ms, how) {
  const control = new AbortController();
  const call = shell('echo begun; sleep 7002', {
    signal: control.signal,
    session: 'aborted',
    ...how,
  });
  setTimeout(() => control.abort('enough'), ms);
  const error = await call.catch((reason) => reason);
  return (
    error instanceof AbortError &&
    error.name === 'AbortError' &&
    error.cause === 'enough' &&
    error.result.outcome === 'cancelled' &&
    error.result.exitCode === 130
  );
}

async function aborts() {
  const never = AbortSignal.abort('before');
  let error = await rejected(
    shell('true', { signal: never, session: 'never' }),
    'a signal that was aborted before',
  );
  ok(
    error instanceof AbortError && error.cause === 'before' && error.result === undefined,
    'begins no call',
  );
  const { found } = (await box.operation('session.inspect', {}, { session: 'never' }))
    .structuredContent;
  is(found, false, 'and makes no sandbox');
  ok(await abortAfter(0, { session: 'first' }), 'an abort while the sandbox starts');
  const ended = [];
  for (const ms of [0, 1, 3, 10, 30, 100, 300]) ended.push(await abortAfter(ms, {}));
  ok(ended.every(Boolean), 'aborts at several moments of a command') || diag(ended);
  const together = await Promise.all(
    [...Array(20).keys()].map((i) => abortAfter(i * 10, { onOutput() {} })),
  );
  ok(together.every(Boolean), 'and of 20 at once') || diag(together);
  is(await running(box, 'aborted', '7002'), [], 'each is dead when its promise is settled');
  const control = new AbortController();
  const result = await shell('echo whole', { signal: control.signal });
  control.abort();
  is(result.structuredContent.stdout, 'whole\n', 'an abort after the end changes nothing');
  error = await rejected(
    shell('sleep 7003', { signal: AbortSignal.timeout(500) }),
    'a signal that times out',
  );
  ok(error instanceof AbortError && error.cause.name === 'TimeoutError', 'says so');
}

async function progress() {
  const seen = [];
  await box.call(
    'shell',
    { command: 'true' },
    { session: 'slow', onProgress: (at, note) => seen.push([at, note]) },
  );
  ok(
    seen.length > 0 && seen.every(([at, note]) => at >= -1 && at <= 1000 && note),
    'the start of a sandbox shows its progress',
  ) || diag(JSON.stringify(seen));
  const error = await rejected(
    box.call(
      'shell',
      { command: 'true' },
      {
        session: 'slower',
        onProgress() {
          throw new Error('of the callback');
        },
      },
    ),
    'a callback that throws',
  );
  is(error.message, 'of the callback', 'ends the call with what it threw');
  const late = await rejected(
    box.call(
      'shell',
      { command: 'sleep 7004' },
      {
        session: 'slowest',
        async onProgress() {
          throw new Error('of the promise');
        },
      },
    ),
    'one that rejects',
  );
  is(late.message, 'of the promise', 'likewise, and the process goes on');
}

export async function calls() {
  box = await open();
  await results();
  await errors();
  await deadline();
  await parallel();
  await aborts();
  await progress();
  await box.close();
}
