/** `herald topics`: the topics that a user is a member of. */
import { defineCommand } from '../command.ts';
import { pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { usersOf } from '../values.ts';

interface Topics {
  topics: { topic: string; joinedAt: number }[];
}

export const topics = defineCommand({
  summary: 'Prints the topics that each user is a member of.',
  operands: '<user>…',
  options: {
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  async run(operands, { json, ...target }) {
    const base = targetUrl('HttpUrl', target);
    const ask = (userId: string) => request({ method: 'GET', base, path: pathOf(userId, 'topics') });
    await printEach(usersOf(operands), ask, json, linesOf);
  },
});

const linesOf = (userId: string, { topics }: Topics): string[] =>
  topics.length === 0
    ? [`${userId}  no topics`]
    : topics.map(({ topic, joinedAt }) => `${userId}  ${topic}  since ${new Date(joinedAt).toISOString()}`);
