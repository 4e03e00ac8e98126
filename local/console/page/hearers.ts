/** Who hears the topic now: the connections that the stack knows, by user. */
import { byId, element } from './dom.ts';
import { title } from './names.ts';
import { request } from './requests.ts';

interface HearersPage {
  connections: { userId: string; deviceId: string | null }[];
  next?: string;
}

/** `topic`: at the moment. */
export function createHearers(topic: () => string) {
  const list = byId('hearers', HTMLElement);

  const show = ({ connections, next }: HearersPage) => {
    const byUser = Map.groupBy(connections, ({ userId }) => userId);
    const rows = [...byUser].toSorted().map(([userId, ofUser]) => {
      const devices = ofUser.map(({ deviceId }) => deviceId ?? 'anonymous').toSorted();
      return `${title(userId)}: ${devices.join(', ')}`;
    });
    if (next !== undefined) rows.push('and more');
    const texts = rows.length > 0 ? rows : ['Nobody'];
    list.replaceChildren(...texts.map((text) => element('li', {}, text)));
  };

  return {
    clear: () => show({ connections: [] }),
    async refresh(): Promise<void> {
      const asked = topic();
      const page = await request<HearersPage>(`/topics/${asked}/connections`).catch(() => undefined);
      if (page && asked === topic()) show(page);
    },
  };
}
