/** The button of a card that joins the topic of the page, and leaves it. */
import type { Channel } from './channel.ts';
import type { Device } from './device.ts';
import { button, enable } from './dom.ts';
import type { Why } from './listening.ts';
import { title } from './names.ts';

const VERBS: Partial<Record<Why, string>> = { joined: 'Leave', member: 'Member of' };

/** `topic`: of the page, at the moment. */
export function createTopicButton(device: Device, topic: () => Channel) {
  const { listening, name, userId } = device;
  const why = () => listening.whyItHears(topic().name);
  const made = button('Join', '', () => {
    if (why() === 'joined') listening.leave(topic().name);
    else listening.join(topic().name);
  });
  return {
    element: made,
    update() {
      const isMember = why() === 'member';
      const text = `${VERBS[why() ?? 'everyone'] ?? 'Join'} ${topic().title}`;
      made.textContent = text;
      made.title = isMember ? 'A member hears it without asking, until it is removed above.' : '';
      made.setAttribute('aria-label', `${text}: ${name} of ${title(userId)}`);
      enable(made, !isMember);
    },
  };
}
