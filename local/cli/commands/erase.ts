/** `herald erase`: erases all that is kept of a user. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defineCommand } from '../command.ts';
import { request, userPathOf } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { usersOf } from '../values.ts';

/** Connections that are opening or slow are closed meanwhile. */
const PAUSE_MS = 1000;

interface Erased {
  erased: number;
  more: boolean;
}

export const erase = defineCommand({
  summary: 'Erases all that is kept of each user: messages, devices, memberships, what is read.',
  operands: '<user>…',
  options: {
    yes: { help: 'do it: nothing brings it back' },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each request' },
  },
  notes: 'Connections are closed. Who has a token that is valid may connect again, and begins anew.',
  async run(operands, { yes, json, ...target }) {
    const users = usersOf(operands);
    if (!yes) throw new Error(`erasing ${users.join(', ')} cannot be undone: say --yes`);
    const base = targetUrl('HttpUrl', target);
    for (const userId of users) {
      const rows = await eraseUser(base, userId, json ? console.log : () => undefined);
      if (!json) console.log(`${userId}  erased: ${rows} ${rows === 1 ? 'row' : 'rows'}`);
    }
  },
});

/** Repeats the request until nothing is left. Returns how many rows were removed. */
async function eraseUser(base: URL, userId: string, heard: (answer: string) => void): Promise<number> {
  let rows = 0;
  for (;;) {
    const answer = await request({ method: 'DELETE', base, path: userPathOf(userId) });
    heard(answer);
    const { erased, more } = JSON.parse(answer) as Erased;
    rows += erased;
    if (!more) return rows;
    await sleep(PAUSE_MS);
  }
}
