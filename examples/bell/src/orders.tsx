/** The inbox as a page of its own: the same list as the bell's. */
import type { Herald } from 'herald-client';
import { useInbox } from 'herald-client/react';
import { describe } from './describe.ts';
import type { MessageTypes } from './message-types.ts';

export function Orders({ herald }: { herald: Herald<MessageTypes> | undefined }) {
  const { items, unread, hasMore, loadMore, markRead, markUnread, markAllRead } = useInbox(herald);
  return (
    <section aria-labelledby="orders">
      <h2 id="orders">Your orders ({unread} new)</h2>
      <button type="button" onClick={markAllRead}>
        I have seen them all
      </button>
      <ul>
        {items.map((item) => {
          const { title, href } = describe(item);
          const mark = item.read ? markUnread : markRead;
          return (
            <li key={item.seq} id={href?.slice(1)} className={item.read ? 'read' : 'new'}>
              {title}
              <button type="button" onClick={() => mark(item.seq)}>
                {item.read ? 'Keep as new' : 'Seen'}
              </button>
            </li>
          );
        })}
      </ul>
      {hasMore && (
        <button type="button" onClick={() => void loadMore()}>
          Older orders
        </button>
      )}
    </section>
  );
}
