#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// chat_server.mjs: a tiny chat server whose model has tools: what is shown is the loop between the two.
//
//   chat_server.mjs --plugin /usr/local/lib/caisson/caisson.so --endpoint http://localhost:11434/v1 \
//                   --model NAME [--config FILE] [--port 8000]
//
//   POST /chats/ID   {"message": "..."} -> {"reply": "..."}; a client that goes away ends what runs for it
//
// The endpoint is any that speaks OpenAI's chat completions; $OPENAI_API_KEY is its key, if it wants one.
// Each chat is a session with a sandbox of its own, and the tool calls of one message run side by side.
// It is an example: no accounts, no TLS, no history on disk, and it listens on 127.0.0.1 only.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { Caisson, CaissonError } from './caisson.mjs';

const ROUNDS_MAX = 20;
const REQUEST_MAX = 1024 * 1024;

const text = { type: 'string' };
const { values: options } = parseArgs({
  options: {
    plugin: text,
    endpoint: text,
    model: text,
    config: text,
    port: { type: 'string', default: '8000' },
  },
});
if (!options.plugin || !options.endpoint || !options.model) {
  console.error(
    'chat_server: --plugin, --endpoint and --model are needed; the head of this file has more',
  );
  process.exit(2);
}
const chats = new Map(); // id -> { messages, turn: the promise of the message that is being answered }

async function complete(messages, tools, signal) {
  const answer = await fetch(`${options.endpoint}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'authorization': `Bearer ${process.env.OPENAI_API_KEY ?? 'none'}`,
    },
    body: JSON.stringify({ model: options.model, messages, tools }),
    signal,
  });
  if (!answer.ok)
    throw new Error(`the model's endpoint says ${answer.status}: ${await answer.text()}`);
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

// What was said in a round that failed is forgotten, so that the next message finds a whole history.
async function reply(box, id, chat, message, signal) {
  const tools = box.tools().map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema },
  }));
  const messages = [...chat.messages, { role: 'user', content: message }];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const said = await complete(messages, tools, signal);
    messages.push(said);
    if (!said.tool_calls?.length) {
      chat.messages = messages;
      return said.content;
    }
    messages.push(
      ...(await Promise.all(said.tool_calls.map((call) => runTool(box, id, call, signal)))),
    );
  }
  throw new Error(`the model asked for tools ${ROUNDS_MAX} times and gave no answer`);
}

// One message of a chat at a time, in the order in which they came.
function inTurn(chat, work) {
  const turn = chat.turn.then(work, work);
  chat.turn = turn;
  return turn;
}

async function messageOf(request) {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) {
    body += piece;
    if (body.length > REQUEST_MAX) throw new Error('the message is too long');
  }
  const { message } = JSON.parse(body);
  if (typeof message !== 'string') throw new Error('send {"message": "text"}');
  return message;
}

async function serve(box, request, response) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const send = (status, document) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(document)}\n`);
  };
  try {
    const id = request.method === 'POST' && request.url.match(/^\/chats\/([^/?]+)$/)?.[1];
    if (!id) {
      send(404, { error: 'there is only POST /chats/ID' });
      return;
    }
    const message = await messageOf(request);
    if (!chats.has(id)) chats.set(id, { messages: [], turn: Promise.resolve() });
    const chat = chats.get(id);
    send(200, { reply: await inTurn(chat, () => reply(box, id, chat, message, gone.signal)) });
  } catch (error) {
    if (!gone.signal.aborted) send(500, { error: error.message });
  }
}

const config = options.config && readFileSync(options.config, 'utf8');
const box = await Caisson.load(options.plugin, config, { name: 'chat_server' });
const server = createServer((request, response) => serve(box, request, response));
server.listen(Number(options.port), '127.0.0.1', () => {
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
