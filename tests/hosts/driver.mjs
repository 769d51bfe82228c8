#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The Node host behind the protocol of cases.json.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

const { env } = process;
const built = new URL('../../build/node/caisson.mjs', import.meta.url);
const { AbortError, Caisson, CaissonError } = await import(fileURLToPath(built));

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function shown({
  status,
  outcome,
  exitCode,
  flags,
  isError,
  text,
  content,
  structuredContent = {},
}) {
  return {
    status,
    outcome,
    exit_code: exitCode,
    flags: Object.keys(flags)
      .filter((name) => flags[name])
      .map(snake)
      .sort(),
    is_error: isError,
    text,
    content_types: content.map(({ type }) => type),
    structured: structuredContent,
    reason: structuredContent.error?.reason ?? '',
  };
}

const nothing = ({ status, reason }) => ({
  status,
  outcome: 'none',
  exit_code: -1,
  flags: [],
  is_error: true,
  text: '',
  content_types: [],
  structured: {},
  reason,
});

async function run(box, request, streams) {
  const control = new AbortController();
  const wanted = request.cancel_after_output;
  const how = {
    session: request.session,
    options: request.options,
    deadlineMs: request.deadline_ms,
    stdin:
      request.stdin_base64 === undefined ? undefined : Buffer.from(request.stdin_base64, 'base64'),
    signal: control.signal,
    onOutput:
      request.live &&
      ((chunk, stream) => {
        streams[stream] = Buffer.concat([streams[stream], chunk]);
        if (wanted && streams.stdout.includes(wanted)) control.abort();
      }),
  };
  const method = request.kind === 'operation' ? 'operation' : 'call';
  try {
    return shown(await box[method](request.name, request.args, how));
  } catch (error) {
    if (error.result) return shown(error.result);
    if (error instanceof CaissonError || error instanceof AbortError) return nothing(error);
    throw error;
  }
}

async function answer(box, request) {
  const streams = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const found = await run(box, request, streams);
  console.log(
    JSON.stringify({
      ...found,
      id: request.id,
      streamed_stdout_base64: streams.stdout.toString('base64'),
      streamed_stderr_base64: streams.stderr.toString('base64'),
    }),
  );
}

const box = await Caisson.load(env.CAISSON_PLUGIN, readFileSync(env.CAISSON_CONFIG, 'utf8'));
const calls = [];
for await (const line of createInterface({ input: process.stdin }))
  calls.push(answer(box, JSON.parse(line)));
await Promise.all(calls);
await box.close();
