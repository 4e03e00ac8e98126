/** `herald members`: to whom a topic belongs. */
import { defineCommand } from '../command.ts';
import { membersPath, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { topicOf, usersOf } from '../values.ts';

const ACTIONS = ['add', 'remove', 'list'] as const;
type Action = (typeof ACTIONS)[number];

type Result = { userId: string } & ({ added: true } | { removed: true } | { error: { message: string } });

interface Page {
  members: { userId: string; joinedAt: number }[];
  next?: string;
}

export const members = defineCommand({
  summary: 'Adds members to a topic, removes them, lists them.',
  operands: 'add|remove|list <topic> [<user>…]',
  options: {
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are' },
  },
  notes: `  herald members add news alice bob
  herald members list news`,
  async run([verb, topic, ...users], { json, ...target }) {
    const action = actionOf(verb);
    const path = membersPath(topicOf(topic));
    const base = targetUrl('HttpUrl', target);
    if (action === 'list') {
      if (users.length > 0) throw new Error(`list takes no user, got ${users[0]}`);
      return await list(base, path, json === true);
    }
    const body = { [action]: usersOf(users) };
    const answer = await request({ method: 'POST', base, path, body });
    if (json) return console.log(answer);
    const { results } = JSON.parse(answer) as { results: Result[] };
    for (const result of results) console.log(lineOf(result));
    const failed = results.filter((result) => 'error' in result);
    if (failed.length > 0) throw new Error(`${failed.length} of ${results.length} users failed`);
  },
});

function actionOf(verb: string | undefined): Action {
  const action = ACTIONS.find((known) => known === verb);
  if (action) return action;
  throw new Error(`action is ${JSON.stringify(verb) ?? 'missing'}, expected ${ACTIONS.join(', ')}`);
}

const lineOf = (result: Result): string => {
  if ('error' in result) return `${result.userId}  ${result.error.message}`;
  return `${result.userId}  ${'added' in result ? 'is a member' : 'is no member'}`;
};

/** Page by page, to the end. */
async function list(base: URL, path: string, isJson: boolean): Promise<void> {
  let count = 0;
  let next: string | undefined;
  do {
    const answer = await request({ method: 'GET', base, path, query: { next } });
    const page = JSON.parse(answer) as Page;
    if (isJson) console.log(answer);
    else
      for (const { userId, joinedAt } of page.members)
        console.log(`${userId}  since ${new Date(joinedAt).toISOString()}`);
    count += page.members.length;
    next = page.next;
  } while (next !== undefined);
  if (count === 0 && !isJson) console.log('no members');
}
