// All tests of the Node host, or those that are named: node main.mjs streams
import { calls } from './calls.mjs';
import { chat } from './chat.mjs';
import { ends } from './ends.mjs';
import { loading } from './loading.mjs';
import { streams } from './streams.mjs';
import { doneTesting } from './tap.mjs';

const all = { loading, calls, streams, ends, chat };
const chosen = process.argv.slice(2);
for (const name of chosen.length ? chosen : Object.keys(all)) await all[name]();
doneTesting();
