#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// chat_server.mjs: a tiny chat server, to show a tool loop: each chat is a session with a sandbox of
// its own, the model's tool calls run side by side, and a client that goes away ends what runs for it.
// The model is behind an endpoint that speaks OpenAI's chat completions.
//
//   CAISSON_PLUGIN=/usr/local/lib/caisson/caisson.so MODEL_URL=http://localhost:8000/v1 \
//     MODEL=some-model node chat_server.mjs 8080
//   curl -d '{"chat": "42", "message": "Which Python is there?"}' localhost:8080
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { Caisson, CaissonError } from './caisson.mjs';

const { env } = process;
const ROUNDS = 20; // of tool calls for one answer
const BODY_MAX = 1024 * 1024;

const chats = new Map(); // chat -> its messages

async function complete(messages, tools, signal) {
  const answer = await fetch(`${env.MODEL_URL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${env.MODEL_KEY ?? ''}` },
    body: JSON.stringify({ model: env.MODEL, messages, tools }),
    signal,
  });
  if (!answer.ok) throw new Error(`the model's endpoint says ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).choices[0].message;
}

// The model's names and arguments go to the plugin as they are: it says what is wrong with them in
// words for the model, as it does of a command that fails.
async function runTool(box, session, { id, function: { name, arguments: args } }, signal) {
  let result;
  try {
    result = await box.call(name, args, { session, signal });
  } catch (error) {
    if (!(error instanceof CaissonError) || !error.result) throw error;
    result = error.result;
  }
  return { role: 'tool', tool_call_id: id, content: result.text };
}

async function reply(box, chat, text, signal) {
  const tools = box.tools().map(({ name, description, inputSchema }) => (
    { type: 'function', function: { name, description, parameters: inputSchema } }));
  const messages = [...(chats.get(chat) ?? []), { role: 'user', content: text }];
  for (let round = 0; round < ROUNDS; round++) {
    const message = await complete(messages, tools, signal);
    messages.push(message);
    if (!message.tool_calls?.length) {
      chats.set(chat, messages);
      return message.content;
    }
    messages.push(...await Promise.all(message.tool_calls.map((call) => runTool(box, chat, call, signal))));
  }
  throw new Error(`the model asked for tools ${ROUNDS} times and gave no answer`);
}

async function body(request) {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) {
    text += piece;
    if (text.length > BODY_MAX) throw new Error('the message is too long');
  }
  const { chat, message } = JSON.parse(text);
  if (typeof chat !== 'string' || !chat || typeof message !== 'string') {
    throw new Error('send {"chat": "a name", "message": "text"}');
  }
  return { chat, message };
}

async function serve(box, request, response) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const send = (status, document) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(document)}\n`);
  };
  try {
    const { chat, message } = await body(request);
    send(200, { reply: await reply(box, chat, message, gone.signal) });
  } catch (error) {
    if (!gone.signal.aborted) send(500, { error: error.message });
  }
}

const config = env.CAISSON_CONFIG ? readFileSync(env.CAISSON_CONFIG, 'utf8') : undefined;
const box = await Caisson.load(env.CAISSON_PLUGIN ?? '/usr/local/lib/caisson/caisson.so', config,
  { name: 'chat_server' });
const server = createServer((request, response) => serve(box, request, response));
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, async () => {
    server.close();
    server.closeAllConnections();
    await box.close(); // what runs is cancelled; the chats' sandboxes stay
    process.exit(0);
  });
}
