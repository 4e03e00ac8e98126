/** What can be done to a user's messages: the newest is withdrawn. */
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import type { Device } from './device.ts';
import { button, element, enable } from './dom.ts';
import { title } from './names.ts';
import { request } from './requests.ts';

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

  const trying = (action: () => Promise<void>) => () =>
    action().catch((error: unknown) => tell(error instanceof Error ? error.message : String(error)));

  const withdrawal = button('Withdraw', '', trying(withdraw));
  withdrawal.title = 'Takes a message back, from devices that have it and from those that are away.';
  return {
    element: element('div.row', {}, withdrawal),
    update() {
      const seq = newest();
      withdrawal.textContent = seq > 0 ? `Withdraw #${seq}` : 'Withdraw';
      withdrawal.ariaLabel = `${withdrawal.textContent} of ${title(userId)}`;
      enable(withdrawal, seq > 0);
    },
  };
}
