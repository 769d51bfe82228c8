// A thread or process that ends in one way or another while calls of its run: see ends.mjs.
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';

import { open } from './support.mjs';

const [what, session] = process.argv.slice(2);
const tell = (text) => (parentPort ? parentPort.postMessage(text) : process.stdout.write(text));

// Calls that go on until somebody ends them; resolves once the first of them has begun.
function run(box) {
  return new Promise((resolve, reject) => {
    for (let i = 0; i < 8; i++) {
      box
        .call(
          'shell',
          { command: 'echo begun; sleep 7203' },
          { session, onOutput: (chunk) => resolve(String(chunk)) },
        )
        .catch(reject);
    }
  });
}

const ways = {
  async echo(box) {
    tell(
      (await box.call('run_python', { code: 'print(6 * 7)' }, { session })).structuredContent
        .stdout,
    );
    await box.close();
  },
  async leave(box) {
    tell(await run(box));
    process.exit(7);
  },
  async throw(box) {
    await run(box);
    throw new Error('thrown on purpose');
  },
  // While the sandbox is being made.
  async early(box) {
    run(box);
    await sleep(30);
    process.exit(7);
  },
  // Nothing runs: an instance that was not closed does not keep the process.
  async idle(box) {
    await box.call('shell', { command: 'true' }, { session });
  },
  // In the middle of close().
  async closing(box) {
    await run(box);
    box.close();
    await sleep(1);
    process.exit(7);
  },
  async wait(box) {
    tell(await run(box));
  },
  async kill(box) {
    await run(box);
    process.kill(process.pid, 'SIGKILL');
  },
};

await ways[what](await open());
