// SPDX-License-Identifier: Apache-2.0
// caisson.mjs: Caisson for hosts in Node: tools for a model, each call in a session's sandbox. One
// file; it needs koffi from npm and nothing to compile. caisson.h is the specification of what lies
// below. Calls run on threads of the plugin's (caisson.async/1), so that the event loop never waits.
//
//   const box = await Caisson.load('/usr/local/lib/caisson/caisson.so', { config_version: 1 });
//   const result = await box.call('shell', { command: 'uname -a' }, { session: 'chat-42' });
//   console.log(result.exitCode, result.text);
//   await box.close();
import { setMaxListeners } from 'node:events';
import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { Readable } from 'node:stream';

import koffi from 'koffi';

const MAGIC = 0x314e5343;
const ABI_MAJOR = 1;
const ABI_MINOR = 0;
const ENTRY = 'caisson_plugin_v1';
const ASYNC = 'caisson.async/1';

const STATUS = [
  'OK',
  'E_INVALID',
  'E_CONFIG',
  'E_NOMEM',
  'E_ENGINE',
  'E_NOT_FOUND',
  'E_ARGUMENTS',
  'E_POLICY',
  'E_CANCELLED',
  'E_DEADLINE',
  'E_LOST',
  'E_DRAINING',
  'E_FORKED',
  'E_STATE',
  'E_REFUSED',
  'E_LIMIT',
  'E_VERSION',
  'E_INTERNAL',
  'E_SANDBOX',
];
const E_INVALID = -1;
const E_STATE = -13;
const E_VERSION = -16;
const E_INTERNAL = -17;
const ERROR_RETRYABLE = 1;
const REQUEST_HOST = 1;

const OUTCOMES = ['none', 'exited', 'cancelled', 'deadline', 'oom', 'lost'];
const FLAGS = {
  truncated: 1,
  recreated: 2,
  created: 4,
  olderSettings: 8,
  survivors: 16,
  stillRunning: 32,
};
const STREAMS = { 1: 'stdout', 2: 'stderr' };
const EVENT = { OUTPUT: 1, PROGRESS: 2, INPUT: 3, DONE: 4 };
const START = { OUTPUT: 1, PROGRESS: 2, INPUT: 4 };

// So many events of one queue are collected before the loop's other work has its turn.
const BATCH = 64;
const CALL_OPTIONS = [
  'session',
  'options',
  'signal',
  'onOutput',
  'onProgress',
  'deadlineMs',
  'outputLimit',
  'stdin',
];

// ---- the structs and functions of caisson.h, in its order ----------------------------------------

const Str = koffi.struct({ data: 'const void *', size: 'uint64_t' });
const ErrorStruct = koffi.struct({
  struct_size: 'uint32_t',
  code: 'int32_t',
  flags: 'uint32_t',
  sys_errno: 'int32_t',
  reason: koffi.array('char', 64),
  message: koffi.array('char', 1024),
});
const Host = koffi.struct({
  struct_size: 'uint32_t',
  abi_minor: 'uint32_t',
  ctx: 'void *',
  name: 'void *',
  version: 'void *',
  get_extension: 'void *',
  log: 'void *',
});
const Request = koffi.struct({
  struct_size: 'uint32_t',
  flags: 'uint32_t',
  name: Str,
  args_json: Str,
  options_json: Str,
  session: Str,
  deadline_ms: 'uint64_t',
  output_limit: 'uint64_t',
  input: 'void *',
  input_ctx: 'void *',
});
const ResultStruct = koffi.struct({
  struct_size: 'uint32_t',
  outcome: 'int32_t',
  exit_code: 'int32_t',
  term_signal: 'int32_t',
  flags: 'uint32_t',
  reserved: 'uint32_t',
  wall_ns: 'uint64_t',
  bytes_out: 'uint64_t',
  bytes_dropped: 'uint64_t',
  json: Str,
});
const Event = koffi.struct({
  struct_size: 'uint32_t',
  kind: 'uint32_t',
  call: 'uint64_t',
  tag: 'uint64_t',
  stream: 'uint32_t',
  permille: 'int32_t',
  status: 'int32_t',
  reserved: 'uint32_t',
  bytes: Str,
  result: 'void *',
  error: 'void *',
});

const fn = (result, ...args) => koffi.proto(result, args);
const [i32, u32, u64, ptr] = ['int32_t', 'uint32_t', 'uint64_t', 'void *'];
const NUMBER = { type: u32 };
const TEXT = { type: ptr, text: true };
const ANY = { type: ptr };

// Each table as the plugin fills it in: its members in order, the functions by their prototypes.
const PLUGIN = table({
  struct_size: NUMBER,
  magic: NUMBER,
  abi_minor: NUMBER,
  needs_host_minor: NUMBER,
  id: TEXT,
  version: TEXT,
  build_id: TEXT,
  manifest_json: ANY,
  get_extension: { type: ptr, proto: fn(ptr, 'const char *') },
  create: { type: ptr, proto: fn(i32, ptr, ptr, u64, ptr, ptr) },
  describe: { type: ptr, proto: fn(i32, u64, ptr) },
  call_open: { type: ptr, proto: fn(i32, u64, koffi.pointer(Request), ptr, ptr) },
  call_run: ANY,
  call_cancel: { type: ptr, proto: fn(i32, u64, u64) },
  call_close: { type: ptr, proto: fn(i32, u64, u64) },
  drain: { type: ptr, proto: fn(i32, u64, u64) },
  destroy: { type: ptr, proto: fn(i32, u64) },
});
const QUEUES = table({
  struct_size: NUMBER,
  reserved: NUMBER,
  queue_open: { type: ptr, proto: fn(i32, u64, ptr, ptr, ptr) },
  start: { type: ptr, proto: fn(i32, u64, u64, u32, u64, ptr) },
  collect: { type: ptr, proto: fn(i32, u64, ptr) },
  feed: { type: ptr, proto: fn('int64_t', u64, u64, ptr, u64) },
  queue_close: { type: ptr, proto: fn(i32, u64) },
});
const memcpy = koffi.load(null).func('memcpy', ptr, [ptr, ptr, 'size_t']);

function table(members) {
  const types = Object.entries(members).map(([name, { type }]) => [name, type]);
  return { members, struct: koffi.struct(Object.fromEntries(types)) };
}

// Reads a table at an address, and no further than its writer says that it goes.
function read({ members, struct }, address) {
  const size = koffi.decode(address, u32);
  const found = {};
  for (const [name, { type, text, proto }] of Object.entries(members)) {
    const offset = koffi.offsetof(struct, name);
    if (offset + koffi.sizeof(type) > size) break;
    const value = koffi.decode(address, offset, type);
    if (value === null) continue;
    found[name] = text ? koffi.decode.string(value) : proto ? koffi.decode(value, proto) : value;
  }
  return found;
}

function utf8(text, what) {
  if (text === undefined) return null;
  if (typeof text !== 'string') throw new TypeError(`${what} must be a string`);
  // Buffer would put U+FFFD there, and two keys could become one.
  if (/\p{Surrogate}/u.test(text)) throw new TypeError(`${what} has half of a surrogate pair`);
  return Buffer.from(text, 'utf8');
}

function count(value, what) {
  if (value === undefined) return 0;
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`${what} must be a whole number from 0`);
  return value;
}

// What is text already goes as it is: the model's arguments, which are the plugin's to judge. Halves of
// surrogate pairs are escaped, as JSON.stringify does it.
const json = (value) =>
  typeof value === 'string'
    ? value.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`)
    : JSON.stringify(value);
// What a call's options must be, so that a mistake shows before anything runs.
function checkHow(how) {
  const unknown = Object.keys(how).find((key) => !CALL_OPTIONS.includes(key));
  if (unknown)
    throw new TypeError(`a call has no option ${unknown}: there are ${CALL_OPTIONS.join(', ')}`);
  const { signal } = how;
  if (signal && (typeof signal.addEventListener !== 'function' || !('aborted' in signal)))
    throw new TypeError('signal must be an AbortSignal');
  for (const name of ['onOutput', 'onProgress']) {
    if (how[name] && typeof how[name] !== 'function')
      throw new TypeError(`${name} must be a function`);
  }
}

const str = (bytes) => ({ data: bytes, size: bytes ? bytes.length : 0 });

// A copy of what a caisson_str of the plugin's points to, which ends soon.
function copy({ data, size }) {
  const bytes = Buffer.allocUnsafe(Number(size));
  if (bytes.length > 0) memcpy(bytes, data, bytes.length);
  return bytes;
}

// A buffer for a struct that the plugin fills in.
function blank(struct) {
  const bytes = Buffer.alloc(koffi.sizeof(struct));
  koffi.encode(bytes, u32, bytes.length);
  return bytes;
}

// Memory that stays where it is, for what the plugin keeps a pointer to.
function stable(bytes) {
  const address = koffi.alloc('uint8_t', bytes.length);
  memcpy(address, bytes, bytes.length);
  return address;
}

// ---- errors --------------------------------------------------------------------------------------

/** Something could not be done. `status` is the ABI's number and `code` its name; `reason` one of
 * caisson.h's dotted words; `retryable`: the same may work later; `hint`: what to do about it, where it
 * is known; `result`: what a model may be shown of a call that failed, else undefined. */
export class CaissonError extends Error {
  constructor(
    message,
    { status = E_INTERNAL, reason = '', retryable = false, errno = 0, result } = {},
  ) {
    super(message);
    this.name = 'CaissonError';
    this.status = status;
    this.code = `CAISSON_${STATUS[-status] ?? 'E_UNKNOWN'}`;
    this.reason = reason;
    this.retryable = retryable;
    this.errno = errno;
    this.hint = result?.structuredContent?.error?.hint;
    this.result = result;
  }
}

/** The file is no plugin that this host can work with. */
export class LoadError extends CaissonError {
  constructor(path, why, status = E_INVALID) {
    super(`plugin ${path}: ${why}`, { status });
    this.name = 'LoadError';
  }
}

/** A call was ended by its signal. `cause` is the signal's reason; `result` what the call left until
 * then, undefined where it had not begun. */
export class AbortError extends Error {
  constructor(reason, result) {
    super('the call was aborted', { cause: reason });
    this.name = 'AbortError';
    this.code = 'ABORT_ERR';
    this.result = result;
  }
}

function failure(status, error, result) {
  const found = error
    ? koffi.decode(error, ErrorStruct)
    : { message: '', reason: '', flags: 0, sys_errno: 0 };
  return new CaissonError(
    found.message || `the plugin says no more than ${STATUS[-status] ?? status}`,
    {
      status,
      reason: found.reason,
      retryable: (found.flags & ERROR_RETRYABLE) !== 0,
      errno: found.sys_errno,
      result,
    },
  );
}

// ---- results -------------------------------------------------------------------------------------

/** How a call ended. `json` is the MCP CallToolResult as the plugin made it, to be passed on as it is;
 * `content`, `structuredContent` and `isError` are its members, `text` its text blocks. */
export class Result {
  constructor(status, found) {
    this.json = copy(found.json).toString();
    const { content, structuredContent, isError } = JSON.parse(this.json);
    Object.assign(this, { content, structuredContent, isError, status });
    this.outcome = OUTCOMES[found.outcome] ?? 'lost'; // one that is not known: caisson.h, rule 9
    this.exitCode = found.exit_code;
    this.termSignal = found.term_signal;
    this.wallMs = Number(found.wall_ns) / 1e6;
    this.bytesOut = Number(found.bytes_out);
    this.bytesDropped = Number(found.bytes_dropped);
    this.flags = {};
    for (const [name, bit] of Object.entries(FLAGS)) this.flags[name] = (found.flags & bit) !== 0;
  }

  get text() {
    return this.content
      .filter((block) => block.type === 'text')
      .map((block) => block.text)
      .join('\n');
  }
}

// ---- the loader ----------------------------------------------------------------------------------

// Every check before the first call. The path comes from trusted configuration only: what it names
// runs inside this process, with its rights.
function loadPlugin(path) {
  if (typeof path !== 'string' || !isAbsolute(path)) {
    throw new LoadError(
      path,
      'the path must be absolute, so that no search path decides what is loaded',
    );
  }
  const file = statSync(path, { throwIfNoEntry: false });
  if (!file?.isFile())
    throw new LoadError(path, file ? 'it is not a regular file' : 'there is no such file');
  let object;
  try {
    object = koffi.load(path);
  } catch (error) {
    throw new LoadError(path, `it cannot be loaded: ${error.message}`);
  }
  const plugin = checkTable(path, entryOf(path, object));
  plugin.object = object; // koffi unloads what nothing refers to
  return plugin;
}

function entryOf(path, object) {
  try {
    return object.func(ENTRY, ptr, [])();
  } catch {
    throw new LoadError(
      path,
      `it does not export ${ENTRY}. It is another kind of library, or a plugin of ` +
        'another major version of the ABI',
    );
  }
}

function checkTable(path, address) {
  const plugin = address ? read(PLUGIN, address) : {};
  if (plugin.magic !== MAGIC) {
    throw new LoadError(
      path,
      `it exports ${ENTRY} but its table is not a Caisson plugin's (wrong magic number)`,
    );
  }
  if (plugin.needs_host_minor > ABI_MINOR) {
    throw new LoadError(
      path,
      `it needs a host of ABI ${ABI_MAJOR}.${plugin.needs_host_minor} or newer, and this ` +
        `one is ${ABI_MAJOR}.${ABI_MINOR}. Use a newer caisson.mjs or an older plugin`,
      E_VERSION,
    );
  }
  demand(path, 'table', plugin, [
    'id',
    'version',
    'build_id',
    'get_extension',
    'create',
    'describe',
    'call_open',
    'call_cancel',
    'call_close',
    'destroy',
  ]);
  const extension = plugin.get_extension(ASYNC);
  if (!extension)
    throw new LoadError(path, `it does not offer ${ASYNC}, which this host needs`, E_VERSION);
  plugin.queues = read(QUEUES, extension);
  demand(path, `table of ${ASYNC}`, plugin.queues, [
    'queue_open',
    'start',
    'collect',
    'feed',
    'queue_close',
  ]);
  return plugin;
}

function demand(path, what, found, names) {
  const missing = names.find((name) => found[name] === undefined);
  if (missing) throw new LoadError(path, `its ${what} lacks \`${missing}\``);
}

// A function of the plugin's that blocks, on a thread of libuv's pool.
function inPool(native, ...args) {
  return new Promise((resolve, reject) => {
    native.async(...args, (error, status) => (error ? reject(error) : resolve(status)));
  });
}

// ---- a queue: a descriptor that the event loop watches, and the events behind it -----------------

class Queue {
  #plugin;
  #id;
  #fd;
  #poll;
  #paused = false;
  #calls = new Map(); // by tag
  #event = blank(Event);

  constructor(plugin, instance) {
    const [id, fd, error] = [Buffer.alloc(8), Buffer.alloc(4), blank(ErrorStruct)];
    const status = plugin.queues.queue_open(instance, id, fd, error);
    if (status < 0) throw failure(status, error);
    this.#plugin = plugin;
    this.#id = koffi.decode(id, u64);
    this.#fd = koffi.decode(fd, i32);
    this.#watch();
    this.#poll.unref(); // it holds the process while calls run on it, and no longer
  }

  // libuv's uv_poll. Node's own sockets and files take no eventfd.
  #watch() {
    this.#poll = koffi.node.poll(this.#fd, { readable: true }, () => this.#collect());
  }

  start(call) {
    const error = blank(ErrorStruct);
    const status = this.#plugin.queues.start(this.#id, call.id, call.startFlags, call.tag, error);
    if (status < 0) throw failure(status, error);
    this.#calls.set(call.tag, call);
    this.#poll.ref();
  }

  forget(call) {
    this.#calls.delete(call.tag);
    if (this.#calls.size === 0) this.#poll?.unref();
  }

  feed(call, bytes) {
    const taken = Number(
      this.#plugin.queues.feed(this.#id, call.id, bytes, bytes ? bytes.length : 0),
    );
    if (taken < 0) throw new CaissonError('the call takes no input', { status: taken });
    return taken;
  }

  // What is not collected stays with the plugin, and the command waits once that is enough.
  pause() {
    this.#paused = true;
    this.#poll?.stop();
  }

  resume() {
    if (!this.#paused) return;
    this.#paused = false;
    this.#poll?.start({ readable: true }, () => this.#collect());
  }

  #collect() {
    for (let i = 0; i < BATCH && this.#poll && !this.#paused; i++) {
      const status = this.#plugin.queues.collect(this.#id, this.#event);
      if (status === 0) return;
      if (status < 0) {
        this.#lost(status);
        return;
      }
      const event = koffi.decode(this.#event, Event);
      this.#calls.get(Number(event.tag))?.happened(event);
    }
  }

  // The instance ended beneath us. No call has a result then.
  #lost(status) {
    this.unwatch();
    const error = new CaissonError('the instance is gone, and the call with it', { status });
    for (const call of this.#calls.values()) call.lost(error);
  }

  unwatch() {
    this.#poll?.close();
    this.#poll = undefined;
  }

  close() {
    this.unwatch();
    this.#plugin.queues.queue_close(this.#id);
  }
}

// ---- a call --------------------------------------------------------------------------------------

let lastTag = 0;

class Call {
  tag = ++lastTag;
  id;
  startFlags = 0;
  ended; // settles when nothing of the call is left
  #resolve;
  #reject;
  #box;
  #how;
  #queue;
  #deaf = false; // its output has no listener any more
  #over = false;
  #aborted = false;
  #failed; // what a callback or the source of stdin threw, as [error]
  #source;
  #piece = Buffer.alloc(0);
  #feeding = false;
  #onAbort = () => this.abort();

  constructor(box, how) {
    this.#box = box;
    this.#how = how;
    this.#source = how.stdin === undefined ? undefined : pieces(how.stdin);
    if (how.onOutput) this.startFlags |= START.OUTPUT;
    if (how.onProgress) this.startFlags |= START.PROGRESS;
    if (this.#source) this.startFlags |= START.INPUT;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  // A call whose output is listened to has a queue of its own: while its listener is slow nothing is
  // collected from it, and only this command waits.
  start(request) {
    const { plugin, instance, queue } = this.#box;
    const [id, error] = [Buffer.alloc(8), blank(ErrorStruct)];
    const status = plugin.call_open(instance, request, id, error);
    if (status < 0) throw failure(status, error);
    this.id = koffi.decode(id, u64);
    try {
      this.#queue = this.#how.onOutput ? new Queue(plugin, instance) : queue;
      this.#queue.start(this);
    } catch (reason) {
      if (this.#queue && this.#queue !== queue) this.#queue.close();
      plugin.call_close(instance, this.id);
      throw reason;
    }
    if (!this.#how.signal) return;
    // One signal for many calls is no leak.
    if (this.#how.signal instanceof EventTarget) setMaxListeners(0, this.#how.signal);
    this.#how.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  abort() {
    this.#aborted = true;
    this.cancel();
  }

  // Ends it: what is still to come of its output is not shown to anybody.
  cancel() {
    if (this.#over) return;
    this.#deaf = true;
    this.#box.plugin.call_cancel(this.#box.instance, this.id);
    this.#queue.resume();
  }

  #fail(error) {
    if (this.#over) return; // it made no difference any more
    this.#failed ??= [error];
    this.cancel();
  }

  happened(event) {
    if (event.kind === EVENT.OUTPUT) this.#output(event);
    else if (event.kind === EVENT.PROGRESS) this.#progress(event);
    else if (event.kind === EVENT.INPUT) this.#feed();
    else if (event.kind === EVENT.DONE) this.#done(event);
  }

  #output(event) {
    if (this.#deaf) return;
    try {
      const slow = this.#how.onOutput(copy(event.bytes), STREAMS[event.stream] ?? 'stdout');
      if (typeof slow?.then !== 'function') return;
      this.#queue.pause();
      slow.then(
        () => this.#queue.resume(),
        (error) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #progress(event) {
    if (this.#deaf) return;
    try {
      const slow = this.#how.onProgress(event.permille, copy(event.bytes).toString());
      if (typeof slow?.then === 'function') slow.then(undefined, (error) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  // Hands on what the source has until the plugin takes no more; the next INPUT goes on from there.
  async #feed() {
    if (this.#feeding) return;
    this.#feeding = true;
    try {
      while (!this.#over && this.#source) {
        if (this.#piece.length === 0) await this.#nextPiece();
        if (this.#over || !this.#source) break;
        this.#piece = this.#piece.subarray(this.#queue.feed(this, this.#piece));
        if (this.#piece.length > 0) break;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#feeding = false;
    }
  }

  // Takes the next piece that holds anything, since one of no bytes would be the end.
  async #nextPiece() {
    while (this.#piece.length === 0) {
      const { value, done } = await this.#source.next();
      if (this.#over) return;
      if (done) {
        this.#queue.feed(this, null);
        this.#source = undefined;
        return;
      }
      this.#piece = bytesOf(value);
    }
  }

  #done(event) {
    let settle;
    try {
      const found = event.result && koffi.decode(event.result, ResultStruct);
      const result = found ? new Result(event.status, found) : undefined;
      const error = event.status < 0 ? failure(event.status, event.error, result) : undefined;
      settle = () => this.#settle(result, error);
    } catch (defect) {
      settle = () => this.#reject(defect); // a result that is no JSON, say
    }
    this.#close().then(settle, this.#reject);
  }

  // The end of a call without a session removes its sandbox, which takes its time.
  async #close() {
    const { plugin, instance, queue } = this.#box;
    this.#end();
    if (this.#queue !== queue) this.#queue.close();
    if (this.#how.session) plugin.call_close(instance, this.id);
    else await inPool(plugin.call_close, instance, this.id);
  }

  #end() {
    this.#over = true;
    this.#queue.forget(this);
    this.#how.signal?.removeEventListener('abort', this.#onAbort);
    // The source need not say how its own end went: nobody reads it any more.
    const source = this.#source;
    this.#source = undefined;
    (async () => source?.return?.())().catch(() => {});
  }

  #settle(result, error) {
    if (this.#failed) this.#reject(this.#failed[0]);
    else if (error) this.#reject(error);
    else if (this.#aborted && result.outcome === 'cancelled') {
      this.#reject(new AbortError(this.#how.signal?.reason, result));
    } else this.#resolve(result);
  }

  lost(error) {
    this.#end();
    this.#reject(error);
  }

  unwatch() {
    this.#queue.unwatch();
  }
}

function bytesOf(value) {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(
    `stdin: pieces are strings or bytes, and this one is ${value === null ? 'null' : typeof value}`,
  );
}

function pieces(stdin) {
  if (typeof stdin === 'string' || stdin instanceof Uint8Array)
    return [bytesOf(stdin)][Symbol.iterator]();
  const iterate = stdin?.[Symbol.asyncIterator] ?? stdin?.[Symbol.iterator];
  if (!iterate)
    throw new TypeError('stdin: a string, bytes, or something to iterate over, such as a stream');
  return iterate.call(stdin);
}

// ---- an instance ---------------------------------------------------------------------------------

const boxes = new Set();

// A box that is still open ends with the thread that has it, and all that runs in it.
process.on('exit', () => {
  for (const box of boxes) box.destroyNow();
});

// The instance's inner side, which calls share.
class Box {
  plugin;
  instance;
  queue;
  calls = new Set();
  #memory = [];

  async create(plugin, config, name, version) {
    this.plugin = plugin;
    this.#memory = [`${name}\0`, `${version}\0`].map((text) => stable(Buffer.from(text)));
    const json = config?.length ? stable(config) : null;
    if (json) this.#memory.push(json);
    const offer = {
      struct_size: koffi.sizeof(Host),
      abi_minor: ABI_MINOR,
      ctx: null,
      name: this.#memory[0],
      version: this.#memory[1],
      get_extension: null,
      log: null,
    };
    const host = koffi.alloc(Host, 1);
    koffi.encode(host, Host, offer);
    this.#memory.push(host);
    const [id, error] = [Buffer.alloc(8), blank(ErrorStruct)];
    const status = await inPool(plugin.create, host, json, json ? config.length : 0, id, error);
    if (status < 0) {
      this.#free();
      throw failure(status, error);
    }
    this.instance = koffi.decode(id, u64);
    boxes.add(this);
    try {
      this.queue = new Queue(plugin, this.instance);
    } catch (reason) {
      await this.destroy();
      throw reason;
    }
  }

  async destroy() {
    for (const call of this.calls) call.cancel();
    await Promise.allSettled([...this.calls].map((call) => call.ended));
    this.queue?.unwatch();
    boxes.delete(this);
    await inPool(this.plugin.destroy, this.instance);
    this.#free();
  }

  destroyNow() {
    for (const call of this.calls) call.unwatch();
    this.queue.unwatch();
    this.plugin.destroy(this.instance);
  }

  #free() {
    for (const address of this.#memory) koffi.free(address);
    this.#memory = [];
  }
}

/** One instance of a plugin. It stays until close(); it does not keep the process from ending. */
export class Caisson {
  #box;
  #closing;

  /** Loads the plugin at an absolute path and makes an instance. `config` is an object, or its JSON. */
  static async load(plugin, config, { name = 'node', version = process.versions.node } = {}) {
    const box = new Box();
    await box.create(loadPlugin(plugin), utf8(json(config), 'the configuration'), name, version);
    return new Caisson(box);
  }

  constructor(box) {
    if (!(box instanceof Box)) throw new TypeError('a Caisson is made by Caisson.load()');
    this.#box = box;
    const { id, version, build_id: buildId, abi_minor: abiMinor } = box.plugin;
    this.plugin = { id, version, buildId, abiMinor };
  }

  /** What the instance offers to a model, as MCP tools. */
  tools() {
    return this.#describe().tools;
  }

  /** What it offers to its host, described likewise. */
  operations() {
    return this.#describe().operations;
  }

  /** Calls a tool. Resolves to a Result, also where the command failed; rejects with a CaissonError
   * where the call could not be made, and with an AbortError once its signal has ended it.
   *
   *   session     key of the sandbox; none: one of the call's own, which goes with it
   *   options     an object, from the host alone (optionsSchema in the manifest)
   *   signal      an AbortSignal: all that the call started is killed
   *   onOutput    (chunk, 'stdout' | 'stderr'), as it comes; while a promise that it returns is
   *               pending nothing more comes, and the command waits
   *   onProgress  (permille or -1, note), for the start of a sandbox and other slow work
   *   stdin       string, bytes, or a (async) iterable of them, such as a stream
   *   deadlineMs, outputLimit   as in caisson_request */
  async call(tool, args = {}, how = {}) {
    return this.#start(0, tool, args, how).ended;
  }

  /** Calls an operation of the host's: never by a name that a model chose. */
  async operation(name, args = {}, how = {}) {
    return this.#start(REQUEST_HOST, name, args, how).ended;
  }

  /** Calls a tool and returns its output as a Readable of { stream, chunk }, read at the reader's pace.
   * Leaving it early (break, destroy) ends the call. Its `result` is the promise that call() returns. */
  stream(tool, args = {}, how = {}) {
    let wanted;
    const output = new Readable({
      objectMode: true,
      highWaterMark: 1,
      read: () => wanted?.(),
      destroy: (error, done) => {
        call.abort();
        wanted?.();
        done(error);
      },
    });
    const onOutput = (chunk, stream) =>
      output.push({ stream, chunk })
        ? undefined
        : new Promise((resolve) => {
            wanted = resolve;
          });
    const call = this.#start(0, tool, args, { ...how, onOutput });
    call.ended.then(
      () => output.push(null),
      (error) => output.destroy(error),
    );
    output.result = call.ended;
    return output;
  }

  /** Cancels what runs, waits for it, and ends the instance. Sandboxes of sessions stay. */
  close() {
    this.#closing ??= this.#box.destroy();
    return this.#closing;
  }

  // Node 18 has no such symbol before 18.18.
  [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    return this.close();
  }

  #open() {
    if (this.#closing) throw new CaissonError('this Caisson was closed', { status: E_STATE });
    return this.#box;
  }

  #describe() {
    const { plugin, instance } = this.#open();
    const found = Buffer.alloc(koffi.sizeof(Str));
    const status = plugin.describe(instance, found);
    if (status < 0) throw new CaissonError('the plugin does not say what it offers', { status });
    return JSON.parse(copy(koffi.decode(found, Str)).toString());
  }

  #start(flags, name, args, how) {
    checkHow(how);
    const box = this.#open();
    if (how.signal?.aborted) throw new AbortError(how.signal.reason);
    const call = new Call(box, how);
    call.start({
      struct_size: koffi.sizeof(Request),
      flags,
      name: str(utf8(name, 'the name')),
      args_json: str(utf8(json(args), 'the arguments')),
      options_json: str(utf8(json(how.options), 'options')),
      session: str(utf8(how.session, 'session')),
      deadline_ms: count(how.deadlineMs, 'deadlineMs'),
      output_limit: count(how.outputLimit, 'outputLimit'),
      input: null,
      input_ctx: null,
    });
    box.calls.add(call);
    const forget = () => box.calls.delete(call);
    call.ended.then(forget, forget);
    return call;
  }
}
