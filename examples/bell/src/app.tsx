/** The page: who is signed in, the bell, the orders and the news. */
import 'herald-client/bell';
import { useInbox, useStatus } from 'herald-client/react';
import { useEffect, useState } from 'react';
import { placeOrder } from './backend.ts';
import { describe } from './describe.ts';
import { News } from './news.tsx';
import { Orders } from './orders.tsx';
import { useHerald } from './use-herald.ts';

const USERS = ['alice', 'bob'];

export function App() {
  const [user, setUser] = useState(() => localStorage.getItem('user') ?? 'alice');
  const herald = useHerald(user);
  const { state } = useStatus(herald);
  const { unread } = useInbox(herald);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Orders` : 'Orders';
  }, [unread]);

  const signIn = (name: string) => {
    localStorage.setItem('user', name);
    setUser(name);
  };

  return (
    <>
      <header>
        <h1>Orders</h1>
        <label>
          Signed in as{' '}
          <select value={user} onChange={({ target }) => signIn(target.value)}>
            {USERS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <span className="state" data-state={state}>
          {state}
        </span>
        <herald-bell inbox={herald?.inbox} describe={describe} />
      </header>
      <main>
        <button type="button" onClick={() => void placeOrder(user)}>
          Order something
        </button>
        <Orders herald={herald} />
        <News herald={herald} />
      </main>
    </>
  );
}
