// The test library for Node: call ok and is, end with doneTesting().
import { isDeepStrictEqual, inspect } from 'node:util';

let run = 0;
let failed = 0;

/** Prints one result; returns whether it passed. */
export function ok(passed, name) {
  run += 1;
  if (!passed) failed += 1;
  process.stdout.write(`${passed ? '' : 'not '}ok ${run} - ${name}\n`);
  if (!passed) diag(`failed: ${name}`);
  return Boolean(passed);
}

export function is(got, want, name) {
  if (ok(isDeepStrictEqual(got, want), name)) return true;
  diag(`     got: ${inspect(got)}\nexpected: ${inspect(want)}`);
  return false;
}

/** The reason for which a promise was rejected; a test that fails if it was not. */
export async function rejected(promise, name) {
  try {
    diag(inspect(await promise));
  } catch (error) {
    ok(true, name);
    return error;
  }
  ok(false, name);
  return {};
}

/** A comment, to stderr, where a harness does not swallow it. */
export function diag(text) {
  for (const line of String(text).split('\n')) process.stderr.write(`# ${line}\n`);
}

/** Prints the plan; a program without a test fails. */
export function doneTesting() {
  process.stdout.write(`1..${run}\n`);
  process.exitCode = failed || !run ? 1 : 0;
}
