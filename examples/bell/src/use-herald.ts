/** The connection of the page: one for the user who is signed in, shared with his other tabs. */
import { connect, type Herald } from 'herald-client';
import { inbox } from 'herald-client/inbox';
import { useEffect, useState } from 'react';
import { fetchToken } from './backend.ts';
import type { MessageTypes } from './message-types.ts';

const URL = import.meta.env.VITE_HERALD_URL ?? 'ws://127.0.0.1:8787/local';

/** Undefined: there is none yet. Closed with the component, or when another user signs in. */
export function useHerald(user: string): Herald<MessageTypes> | undefined {
  const [herald, setHerald] = useState<Herald<MessageTypes>>();
  useEffect(() => {
    const opened = connect<MessageTypes>(URL, {
      token: () => fetchToken(user),
      storage: localStorage,
      inbox,
    });
    setHerald(opened);
    return () => {
      setHerald(undefined);
      void opened.close();
    };
  }, [user]);
  return herald;
}
