// What the tests of the Node host share: the module as it was installed, an instance, and waiting.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const { env } = process;

export const { Caisson, CaissonError, LoadError, AbortError } = await import(
  `${env.CAISSON_NODE}/caisson.mjs`
);
export const config = JSON.parse(readFileSync(env.CAISSON_CONFIG, 'utf8'));
/** A machine under load: nothing here takes this long unless it hangs. */
export const PATIENCE_MS = 60_000 * Number(env.CAISSON_SLOW ?? 1);

export const open = () => Caisson.load(env.CAISSON_PLUGIN, config);

/** Waits until this holds; returns whether it did in time. */
export async function until(holds) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50)) {
    if (await holds()) return true;
  }
  return false;
}

/** Command lines inside a session's sandbox that have this word, but for the one that looks. */
export async function running(box, session, word) {
  const script =
    'for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || tr "\\0" " " < $p/cmdline; echo; done 2>/dev/null';
  const { structuredContent } = await box.call('shell', { command: script }, { session });
  return structuredContent.stdout.split('\n').filter((line) => line.includes(word));
}
