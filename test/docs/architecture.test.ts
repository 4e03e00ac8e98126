/** The walks of the map lead through the code as it is. That its links lead somewhere, `links.test.ts` checks. */
import { expect, it } from 'vitest';
import { read } from './blocks.ts';

const WALKS = [
  'Publish',
  'Publish from the outbox',
  'Tell who comes and goes',
  'Publish to a topic',
  'Publish from a client',
  'Fan-out',
  'Connect and catch-up',
  'Subscribe',
  'Join and leave',
  "A client's frame to the app's handler",
  'An ack',
];

const map = read('docs/architecture.md');
const [, walked = ''] = map.split('## The walks');

const WORDS_OF_THE_WIRE = new Set([
  ...['ack', 'sync', 'ping', 'auto', 'client', 'error', 'ready', 'to', 'everyone', 'message', 'pong', 'seq'],
  ...['subscribed', 'unsubscribed', 'FrameError'],
]);

/** Each step: the file it links to, and the functions and classes of that file it names. */
const steps = [...walked.matchAll(/^\d+\. \[(?<shown>[^\]]+)\]\(\.\.\/(?<file>[^)]+)\) (?<told>.*)$/gm)].map(
  ({ groups: { shown = '', file = '', told = '' } = {} }) => ({
    shown,
    file,
    names: [...told.matchAll(/`([a-zA-Z]+)`/g)]
      .map(([, name = '']) => name)
      .filter((name) => !WORDS_OF_THE_WIRE.has(name)),
  }),
);

it('tells the walks, each step with its link', () => {
  const titles = [...walked.matchAll(/^### (.*)$/gm)].map(([, title = '']) => title);
  for (const walk of WALKS)
    expect(
      titles.some((title) => title.startsWith(walk)),
      walk,
    ).toBe(true);
  expect(steps).toHaveLength(walked.match(/^\d+\. /gm)?.length ?? 0);
  expect(steps.length).toBeGreaterThan(50);
});

it.each(steps)('$shown exports $names', ({ shown, file, names }) => {
  expect(shown).toBe(file);
  expect(names).not.toEqual([]);
  const exported = [...read(file).matchAll(/^export (?:async )?(?:function\*?|const|class) (\w+)/gm)].map(
    ([, name]) => name,
  );
  expect(exported).toEqual(expect.arrayContaining(names));
});
