/** What can be done to a user: the newest message is withdrawn, or all that is kept is erased. */
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import type { Device } from './device.ts';
import { button, element, enable } from './dom.ts';
import { title } from './names.ts';
import { request } from './requests.ts';

/** As the stack asks for between requests that erase. */
const PAUSE_MS = 1000;

export interface UserActions {
  element: HTMLElement;
  update(): void;
}

/** `devices`: of the user. `tell`: says what has happened. */
export function createUserActions(
  userId: string,
  devices: Device[],
  tell: (text: string) => void,
): UserActions {
  const user = `/users/${userPath(userId)}`;

  /** As far as one of the devices knows. */
  const newest = () => Math.max(0, ...devices.map(({ inbox }) => inbox?.items[0]?.seq ?? 0));

  const withdraw = async () => {
    const seq = newest();
    await request(`${user}/messages/${seq}`, { method: 'DELETE' });
    tell(`#${seq} of ${title(userId)} is withdrawn: its content is deleted, and it goes from every list.`);
  };

  const erase = async () => {
    if (!confirm(`Erase all that is kept of ${title(userId)}? It cannot be taken back.`)) return;
    let rows = 0;
    for (let isMore = true; isMore; ) {
      const { erased, more } = await request<{ erased: number; more: boolean }>(user, { method: 'DELETE' });
      rows += erased;
      isMore = more;
      tell(`${rows} rows of ${title(userId)} are erased${more ? ' so far' : ', and nothing is left'}.`);
      if (more) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };

  const trying = (action: () => Promise<void>) => () =>
    action().catch((error: unknown) => tell(error instanceof Error ? error.message : String(error)));

  const withdrawal = button('Withdraw', '', trying(withdraw));
  withdrawal.title = 'Takes a message back, from devices that have it and from those that are away.';
  const erasure = button('Erase', `Erase ${title(userId)}`, trying(erase));
  erasure.title = 'Deletes all that is kept of the user, and closes the connections.';
  return {
    element: element('div.row', {}, withdrawal, erasure),
    update() {
      const seq = newest();
      withdrawal.textContent = seq > 0 ? `Withdraw #${seq}` : 'Withdraw';
      withdrawal.ariaLabel = `${withdrawal.textContent} of ${title(userId)}`;
      enable(withdrawal, seq > 0);
    },
  };
}
