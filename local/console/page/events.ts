/** What the stack puts on its event bus for the application, as it comes. */
import { byId, element } from './dom.ts';

/** As `GET /local/events` tells it. */
interface BusEvent {
  source: string;
  'detail-type': string;
  detail: unknown;
}

const MOST_EVENTS = 50;

/** From now on. */
export function showEvents(): void {
  const list = byId('event-list', HTMLElement);
  // It scrolls.
  list.tabIndex = 0;
  byId('events', HTMLElement).hidden = false;
  new EventSource('/local/events').onmessage = ({ data }) => {
    const event = JSON.parse(data) as BusEvent;
    list.prepend(element('li', {}, event['detail-type'], element('code', {}, JSON.stringify(event.detail))));
    if (list.childElementCount > MOST_EVENTS) list.lastElementChild?.remove();
  };
}
