// The example chat server, before a model's endpoint that says what the test scripted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';

import { open, running, until } from './support.mjs';
import { is, ok } from './tap.mjs';

const call = (id, name, args) => ({ id, type: 'function', function: { name, arguments: args } });
const asks = (...calls) => ({ role: 'assistant', content: null, tool_calls: calls });
const says = (content) => ({ role: 'assistant', content });

// Answers each request with the next message of the script; keeps what was asked.
async function model(script) {
  const asked = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    asked.push(JSON.parse(text));
    response.end(
      JSON.stringify({ choices: [{ message: script.shift() ?? says('the script is over') }] }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    asked,
    url: `http://127.0.0.1:${server.address().port}/v1`,
    close: () => server.close(),
  };
}

async function startServer(url) {
  const { CAISSON_NODE, CAISSON_PLUGIN, CAISSON_CONFIG } = process.env;
  const child = spawn(
    process.execPath,
    [
      `${CAISSON_NODE}/chat_server.mjs`,
      '--plugin',
      CAISSON_PLUGIN,
      '--config',
      CAISSON_CONFIG,
      '--endpoint',
      url,
      '--model',
      'scripted',
      '--port',
      '0',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const address = line.match(/http:\S+/)[0];
  const send = async (chat, document, signal) => {
    const answer = await fetch(`${address}/chats/${chat}`, {
      method: 'POST',
      body: JSON.stringify(document),
      signal,
    });
    return [answer.status, await answer.json()];
  };
  return { child, send };
}

export async function chat() {
  const llm = await model([
    asks(
      call('1', 'shell', '{"command": "echo from shell > file; cat file"}'),
      call('2', 'run_python', '{"code": "print(6 * 7)"}'),
    ),
    asks(call('3', 'shel', '{}'), call('4', 'shell', '{"comm')),
    says('it is 42'),
    asks(call('5', 'shell', '{"command": "cat file"}')),
    says('it is still there'),
    asks(call('6', 'shell', '{"command": "echo begun > begun; sleep 7301"}')),
  ]);
  const { child, send } = await startServer(llm.url);
  is(
    await send('one', { message: 'what is it?' }),
    [200, { reply: 'it is 42' }],
    'a chat with rounds of tool calls',
  );
  ok(
    llm.asked[0].tools.some(
      ({ function: f }) => f.name === 'shell' && f.parameters.properties.command,
    ),
    'the model was offered the tools',
  );
  const told = llm.asked[1].messages.slice(-2);
  is(
    told.map((m) => [m.role, m.tool_call_id, m.content.trim()]),
    [
      ['tool', '1', 'from shell'],
      ['tool', '2', '42'],
    ],
    'it has the results of parallel calls in their order',
  );
  const wrong = llm.asked[2].messages.slice(-2).map((m) => m.content);
  ok(
    wrong[0].includes('shell') && /argument|JSON/i.test(wrong[1]),
    'and is told of its own mistakes',
  );
  is(
    await send('one', { message: 'and the file?' }),
    [200, { reply: 'it is still there' }],
    'the next message',
  );
  is(llm.asked[4].messages.at(-1).content.trim(), 'from shell', 'is for the same sandbox');
  is((await send('one', { massage: 'x' }))[0], 500, 'a request without a message is refused');
  is((await send('', {}))[0], 404, 'so is one for no chat');
  const box = await open();
  const control = new AbortController();
  const gone = send('one', { message: 'wait' }, control.signal).catch((error) => error.name);
  ok(await until(async () => (await running(box, 'one', '7301')).length > 0), 'a command runs');
  control.abort();
  is(await gone, 'AbortError', 'its client goes away');
  ok(await until(async () => (await running(box, 'one', '7301')).length === 0), 'and it is ended');
  child.kill('SIGTERM');
  is((await once(child, 'exit'))[0], 0, 'SIGTERM ends the server');
  await box.close();
  llm.close();
}
